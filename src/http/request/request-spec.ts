import type { Spec } from 'express-openapi-validator/dist/framework/openapi.spec.loader.js';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { routes } from '../../../generated/express.gen.ts';

type Document = OpenAPIV3.DocumentV3_1;

/** Returns what a reference such as #/components/schemas/Task points to. */
function referredBy(reference: string, document: Document): unknown {
  const names = reference.split('/').slice(1);
  return names.reduce<unknown>(
    (outer, name) => Object.entries(Object(outer)).find(([key]) => key === name)?.[1],
    document,
  );
}

/**
 * Copies an operation's parameters and body with all references resolved. The validator would compile references again.
 */
function requestOf(
  { parameters, requestBody }: Partial<OpenAPIV3.OperationObject>,
  document: Document,
): OpenAPIV3.OperationObject {
  const operation: OpenAPIV3.OperationObject = JSON.parse(
    JSON.stringify({ parameters, requestBody, responses: {} }, (_name, value) => {
      const { $ref, ...beside } = Object(value);
      if (typeof $ref !== 'string') return value;
      const referred = referredBy($ref, document);
      return Object.keys(beside).length === 0 ? referred : { ...beside, allOf: [referred] };
    }),
  );
  for (const parameter of operation.parameters ?? []) {
    // The validator would refuse the colons of an instant in a query. strict-query.ts has already checked the query.
    if ('in' in parameter && parameter.in === 'query') parameter.allowReserved = true;
  }
  return operation;
}

/**
 * Returns the request half of the spec in the validator's format. Given the whole spec, the validator traverses replies
 * and examples several times per operation. That took longer than all other work of the start.
 */
export function requestSpec(document: Document): Spec {
  const paths: Document['paths'] = {};
  for (const { method, path } of Object.values(routes)) {
    const request = requestOf(document.paths?.[path]?.[method] ?? {}, document);
    paths[path] = { ...paths[path], [method]: request };
  }
  return {
    apiDoc: { ...document, paths, components: {} },
    basePaths: [''],
    routes: Object.values(routes).map(({ method, path }) => ({
      basePath: '',
      expressRoute: path,
      openApiRoute: path,
      method: method.toUpperCase(),
      pathParams: [],
    })),
    serial: 0,
  };
}
