import { $, type DefinePlugin, definePluginConfig, type IR } from '@hey-api/openapi-ts';

type ExpressPlugin = DefinePlugin<{ name: 'express' }>;
type Instance = ExpressPlugin['Instance'];

/**
 * Returns a reference to a type that the typescript plugin has created for an operation; undefined if the operation
 * needs no such type.
 */
function operationType(
  plugin: Instance,
  operation: IR.OperationObject,
  role: 'data' | 'responses' | 'errors',
) {
  const symbol = plugin.querySymbol({
    category: 'type',
    resource: 'operation',
    resourceId: operation.id,
    role,
    tool: 'typescript',
  });
  return symbol && $.type(symbol);
}

/**
 * Creates the type of an operation's validated input. Its parts are those of body, path, query and headers that the
 * operation has. Each part is always an object, even if all its members are optional.
 */
function inputType(plugin: Instance, operation: IR.OperationObject) {
  const data = operationType(plugin, operation, 'data');
  const parts = {
    body: operation.body,
    path: operation.parameters?.path,
    query: operation.parameters?.query,
    headers: operation.parameters?.header,
  };
  const type = $.type.object();
  for (const [name, part] of Object.entries(parts)) {
    if (!data || !part) continue;
    const declared = data.idx($.type.literal(name));
    type.prop(name, (prop) => prop.type($.type('NonNullable').generic(declared)));
  }
  return type;
}

/**
 * Writes express.gen.ts. `Operations` maps each operationId to its input and replies; src/operations/handlers.ts
 * derives the handlers' types from it. `routes` maps each operationId to its method and path;
 * src/http/request/routes.ts serves them.
 */
export const expressPlugin = definePluginConfig<ExpressPlugin['Types']>({
  config: { includeInEntry: false },
  dependencies: ['@hey-api/typescript'],
  name: 'express',
  handler: ({ plugin }) => {
    const operations = $.type.object();
    const routes = $.object();
    plugin.forEach('operation', ({ operation }) => {
      const operationId = operation.operationId ?? operation.id;
      const replies = $.type.object();
      replies.prop('input', (prop) => prop.type(inputType(plugin, operation)));
      replies.prop('responses', (prop) =>
        prop.type(operationType(plugin, operation, 'responses') ?? $.type.object()),
      );
      replies.prop('errors', (prop) =>
        prop.type(operationType(plugin, operation, 'errors') ?? $.type.object()),
      );
      operations.prop(operationId, (prop) => prop.type(replies));
      routes.prop(
        operationId,
        $.object()
          .prop('method', $.literal(operation.method))
          .prop('path', $.literal(operation.path))
          .prop('hasBody', $.literal(operation.body !== undefined)),
      );
    });
    plugin.node($.type.alias(plugin.symbol('Operations')).export().type(operations));
    plugin.node($.const(plugin.symbol('routes')).export().assign($(routes).as('const')));
  },
});
