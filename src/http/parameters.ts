import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';

function isParameter(
  value: OpenAPIV3.ParameterObject | OpenAPIV3.ReferenceObject,
): value is OpenAPIV3.ParameterObject {
  return 'name' in value;
}

/** The query parameters of an operation of the spec, by name; HEAD takes those of GET. */
export function queryParametersOf(
  document: OpenAPIV3.DocumentV3_1,
  path: string,
  method: string,
): Map<string, OpenAPIV3.ParameterObject> {
  const item = document.paths?.[path];
  const operation = method === 'HEAD' || method === 'GET' ? item?.get : undefined;
  const parameters = (operation?.parameters ?? [])
    .filter(isParameter)
    .filter((parameter) => parameter.in === 'query');
  return new Map(parameters.map((parameter) => [parameter.name, parameter]));
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
