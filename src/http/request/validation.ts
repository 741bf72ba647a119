import type { Request, RequestHandler } from 'express';
import { Router } from 'express';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import * as internals from 'express-openapi-validator/dist/openapi.validator.js';
import { ApiError, fieldAt } from '../../lib/errors.ts';
import { checkInternals, isFunctionOf } from '../../lib/internals.ts';
import { plainWords } from '../../lib/validator-words.ts';
import { expectationOf, fieldNamesOf, fieldSchemaOf, parametersOf } from './parameters.ts';
import { requestSpec } from './request-spec.ts';
import { operationOf, takesBody } from './routes.ts';

checkInternals('express-openapi-validator', {
  'OpenApiValidator.prototype.installMiddleware(spec)': isFunctionOf(
    1,
    internals.OpenApiValidator?.prototype?.installMiddleware,
  ),
  'BadRequest error': typeof internals.BadRequest === 'function',
});

type Document = OpenAPIV3.DocumentV3_1;

interface Problem {
  path: string;
  message: string;
  errorCode?: string;
}

function explainField({ path, message, errorCode = '' }: Problem, spec: Document, request: Request): string {
  const segments = path.split('/').slice(2);
  const known = (of: string[]) => fieldNamesOf(fieldSchemaOf(spec, request, of)).join(', ');
  if (segments.length === 0) {
    return errorCode.startsWith('minProperties')
      ? `The body has no field to change. Allowed fields: ${known([])}.`
      : `The body ${plainWords(message)}.`;
  }
  const name = fieldAt(segments.join('.'));
  if (errorCode.startsWith('additionalProperties'))
    return `${name} is unknown. Allowed fields: ${known(segments.slice(0, -1))}.`;
  if (errorCode.startsWith('required')) return `${name} is missing.`;
  const schema = fieldSchemaOf(spec, request, segments);
  if (
    errorCode.startsWith('enum') ||
    errorCode.startsWith('format') ||
    'format' in schema ||
    'maximum' in schema
  )
    return `${name} must be ${expectationOf(spec, schema)}.`;
  if (errorCode.startsWith('pattern'))
    return `${name} must not contain NUL characters or unpaired surrogates.`;
  return `${name} ${plainWords(message)}.`;
}

/** Converts an error of the validator to an ApiError. Returns all other errors unchanged. */
function explain(error: unknown, document: Document, request: Request): unknown {
  if (!(error instanceof internals.BadRequest)) return error;
  const parameters = parametersOf(document, 'query', request);
  const headers = [...parametersOf(document, 'header', request).values()];
  // An empty path means a body field with an empty name, because strict-query.ts has already checked parameter names.
  const found = error.errors.map((problem) =>
    problem.path === '' ? { ...problem, path: '/body/' } : problem,
  );
  const problems = found.map((problem) => {
    const parameter = parameters.get(problem.path.split('/')[2] ?? '');
    if (parameter && problem.path.startsWith('/query/'))
      return `Query parameter "${parameter.name}" must be ${expectationOf(document, parameter.schema)}.`;
    const header = headers.find(({ name }) => problem.path === `/headers/${name.toLowerCase()}`);
    if (header) return `Header "${header.name}" must be ${expectationOf(document, header.schema)}.`;
    return problem.path.startsWith('/body') ? explainField(problem, document, request) : problem.message;
  });
  const code = found.some(({ path }) => path.startsWith('/body')) ? 'invalid_body' : 'invalid_parameter';
  return new ApiError(code, [...new Set(problems)].join(' '), { cause: error });
}

/**
 * Refuses every request that does not match the spec, and converts parameters to the types in the spec. Validates HEAD
 * as GET, because the validator does not support HEAD. Uses an internal class of the package: its public entry point
 * compiles the JSON Schema of OpenAPI at each start, even if validateApiSpec is false (version 5.6.2). The tests
 * validate the spec against that schema instead.
 */
export function validation(document: Document): RequestHandler {
  const spec = requestSpec(document);
  const validator = Router();
  validator.use(
    new internals.OpenApiValidator({
      apiSpec: spec.apiDoc,
      validateRequests: { allowUnknownQueryParameters: false },
      validateResponses: false,
      validateSecurity: false,
      fileUploader: false,
      // The default mode, `fast`, accepts dates such as February 30.
      ajvFormats: { mode: 'full' },
    }).installMiddleware(Promise.resolve(spec)),
  );
  return (request, response, next) => {
    const { method } = request;
    if (method === 'HEAD') request.method = 'GET';
    // body.ts has checked the Content-Type. Replace it with a fixed text, because the validator compiles the operation
    // again for each spelling, and never frees the result.
    const id = operationOf(method, request.path);
    request.headers['content-type'] = id && takesBody(id) ? 'application/json' : undefined;
    validator(request, response, (error?: unknown) => {
      request.method = method;
      next(error && explain(error, document, request));
    });
  };
}
