import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';

function isParameter(
  value: OpenAPIV3.ParameterObject | OpenAPIV3.ReferenceObject,
): value is OpenAPIV3.ParameterObject {
  return 'name' in value;
}

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;

/** An operation of the spec; HEAD is answered as GET. */
function operationOf(document: OpenAPIV3.DocumentV3_1, path: string, method: string) {
  const wanted = method === 'HEAD' ? 'get' : method.toLowerCase();
  const known = METHODS.find((one) => one === wanted);
  return known && document.paths?.[path]?.[known];
}

/** The parameters of an operation of the spec in one place, by name. */
export function parametersOf(
  document: OpenAPIV3.DocumentV3_1,
  place: 'query' | 'header',
  { path, method }: { path: string; method: string },
): Map<string, OpenAPIV3.ParameterObject> {
  const parameters = (operationOf(document, path, method)?.parameters ?? [])
    .filter(isParameter)
    .filter((parameter) => parameter.in === place);
  return new Map(parameters.map((parameter) => [parameter.name, parameter]));
}

/** The names of the fields that an operation's body may have; none where it has no body. */
export function bodyFieldsOf(document: OpenAPIV3.DocumentV3_1, path: string, method: string): string[] {
  const body = operationOf(document, path, method)?.requestBody;
  const schema = body && 'content' in body ? body.content['application/json']?.schema : undefined;
  const name = schema && '$ref' in schema ? schema.$ref.replace('#/components/schemas/', '') : '';
  const named = document.components?.schemas?.[name];
  return named && 'properties' in named ? Object.keys(named.properties ?? {}) : [];
}

/** What a parameter must be, in words, from its schema: "a UUID such as …", "an integer from 1 to 1000". */
export function expectationOf({ schema }: OpenAPIV3.ParameterObject): string {
  if (!schema || '$ref' in schema) return 'as documented';
  if (schema.format === 'uuid') {
    const [example] = 'examples' in schema && Array.isArray(schema.examples) ? schema.examples : [];
    return example === undefined ? 'a UUID' : `a UUID such as ${String(example)}`;
  }
  if (schema.type === 'integer') return `an integer from ${schema.minimum} to ${schema.maximum}`;
  if (schema.type === 'boolean') return 'true or false';
  if (schema.enum) return `one of ${schema.enum.join(', ')}`;
  return `${schema.minLength} to ${schema.maxLength} characters matching ${schema.pattern}`;
}
