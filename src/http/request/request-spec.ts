import type { Spec } from 'express-openapi-validator/dist/framework/openapi.spec.loader.js';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { routes } from '../../../generated/express.gen.ts';

type Document = OpenAPIV3.DocumentV3_1;

/** Returns the part of the document that a reference such as #/components/schemas/Task points to. */
function referredBy(reference: string, document: Document): unknown {
  const names = reference.split('/').slice(1);
  return names.reduce<unknown>(
    (outer, name) => Object.entries(Object(outer)).find(([key]) => key === name)?.[1],
    document,
  );
}

/**
 * Copies the parameters and the body of an operation, with all references resolved. With references, the validator
 * would compile the same schemas again.
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
    // Allow unescaped colons, as in timestamps. strict-query.ts has already checked the encoding of the query.
    if ('in' in parameter && parameter.in === 'query') parameter.allowReserved = true;
  }
  return operation;
}

/**
 * Returns the parameters and bodies of all operations in the validator's format, without replies and examples. Given
 * the whole spec, the validator would traverse replies and examples several times per operation, which takes longer
 * than the rest of the start.
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
