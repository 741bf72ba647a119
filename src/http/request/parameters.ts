import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';

type Parameter = OpenAPIV3.ParameterObject;

/**
 * Resolves a parameter that may be a reference to components. Returns an empty array if the reference has no target.
 */
export function parameterOf(
  given: Parameter | OpenAPIV3.ReferenceObject,
  components: OpenAPIV3.DocumentV3_1['components'],
): Parameter[] {
  if ('name' in given) return [given];
  const named = components?.parameters?.[given.$ref.replace('#/components/parameters/', '')];
  return named ? parameterOf(named, components) : [];
}

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;

/** Returns the spec's object for an operation; undefined if there is none. HEAD uses the object of GET. */
function operationObject(document: OpenAPIV3.DocumentV3_1, path: string, method: string) {
  const wanted = method === 'HEAD' ? 'get' : method.toLowerCase();
  const known = METHODS.find((one) => one === wanted);
  return known && document.paths?.[path]?.[known];
}

export function parametersOf(
  document: OpenAPIV3.DocumentV3_1,
  place: 'query' | 'header',
  { path, method }: { path: string; method: string },
): Map<string, OpenAPIV3.ParameterObject> {
  const parameters = (operationObject(document, path, method)?.parameters ?? [])
    .flatMap((given) => parameterOf(given, document.components))
    .filter((parameter) => parameter.in === place);
  return new Map(parameters.map((parameter) => [parameter.name, parameter]));
}

/** Returns the roles that an operation requires. The operation's own `security` overrides the global one. */
export function rolesOf(
  document: OpenAPIV3.DocumentV3_1,
  { path, method }: { path: string; method: string },
): string[] {
  const security = operationObject(document, path, method)?.security ?? document.security ?? [];
  return security.flatMap((scheme) => Object.values(scheme).flat());
}

/** Whether the spec allows calls of an operation without an API key, by `security: []`. */
export function needsNoKey(
  document: OpenAPIV3.DocumentV3_1,
  { path, method }: { path: string; method: string },
): boolean {
  return operationObject(document, path, method)?.security?.length === 0;
}

/** Resolves a schema that may be a reference to components. Returns {} for undefined. */
function resolve(document: OpenAPIV3.DocumentV3_1, schema: unknown): object {
  const reference =
    typeof schema === 'object' && schema && '$ref' in schema ? String(schema.$ref) : undefined;
  const named = document.components?.schemas?.[reference?.replace('#/components/schemas/', '') ?? ''];
  return named ?? Object(schema);
}

const memberOf = (value: unknown, name: string): unknown =>
  Object.entries(Object(value)).find(([key]) => key === name)?.[1];

/**
 * Returns the schema of a body field by its path, such as ['runs', '0', 'status']; {} if the spec has no such field.
 */
export function fieldSchemaOf(
  document: OpenAPIV3.DocumentV3_1,
  { path, method }: { path: string; method: string },
  field: string[],
): object {
  const body = operationObject(document, path, method)?.requestBody;
  const schema = body && 'content' in body ? body.content['application/json']?.schema : undefined;
  return field.reduce<object>(
    (outer, name) =>
      resolve(document, memberOf(memberOf(outer, 'properties'), name) ?? memberOf(outer, 'items')),
    resolve(document, schema),
  );
}

/** Returns the names of the fields of an object schema; an empty array for any other schema. */
export function fieldNamesOf(schema: object): string[] {
  return Object.keys(Object(memberOf(schema, 'properties')));
}

/** Describes the values that a schema allows, for error messages: "a UUID such as …", "an integer from 1 to 1000". */
export function expectationOf(document: OpenAPIV3.DocumentV3_1, given: unknown): string {
  const schema = resolve(document, given);
  const [format, pattern] = ['format', 'pattern'].map((name) => memberOf(schema, name));
  const types = [memberOf(schema, 'type')].flat();
  const type = types[0];
  const orNull = types.includes('null') ? ' or null' : '';
  const [least, most] = ['minimum', 'maximum'].map((name) => memberOf(schema, name));
  const options = memberOf(schema, 'enum');
  const worded = memberOf(schema, 'x-expectation');
  if (typeof worded === 'string') return worded;
  if (format === 'uuid') return 'a UUID such as 5f0c1e9a-7d34-4c52-9b1e-0a6f2d8c4b11';
  if (format === 'date-time') return 'an RFC 3339 instant such as 2026-11-19T14:00:00Z';
  if (Array.isArray(options)) return `one of ${options.map(String).join(', ')}`;
  if (type === 'array') {
    return `a comma-separated list without duplicates, each item ${expectationOf(document, memberOf(schema, 'items'))}`;
  }
  if (type === 'integer' || type === 'number') {
    return `${type === 'integer' ? 'an integer' : 'a number'} from ${String(least)} to ${String(most)}${orNull}`;
  }
  if (type === 'boolean') return 'true or false';
  const [shortest, longest] = ['minLength', 'maxLength'].map((name) => memberOf(schema, name));
  const excluding = String(pattern).startsWith('^[^');
  const matching = excluding ? ' without NUL and unpaired surrogates' : ` matching ${String(pattern)}`;
  return `${String(shortest)} to ${String(longest)} characters${matching}`;
}
