import type { Request, RequestHandler } from 'express';
import { Router } from 'express';
import * as OpenApiValidator from 'express-openapi-validator';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { ApiError } from '../errors.ts';
import { bodyFieldsOf, expectationOf, parametersOf } from './parameters.ts';

interface Problem {
  path: string;
  message: string;
  errorCode?: string;
}

/** What is wrong with a field of the body, from the validator's words, where those do not say what would be right. */
function explainField({ path, message, errorCode = '' }: Problem, known: string[]): string {
  const field = path.replace(/^\/body\/?/, '').replaceAll('/', '.');
  if (field === '')
    return errorCode.startsWith('minProperties')
      ? `The body names no field to change; known are ${known.join(', ')}.`
      : `The body ${message}.`;
  const name = `Field "${field}"`;
  if (errorCode.startsWith('additionalProperties'))
    return `${name} is not known; known are ${known.join(', ')}.`;
  if (errorCode.startsWith('required')) return `${name} is missing.`;
  if (errorCode.startsWith('pattern'))
    return `${name} must not have NUL characters or halves of surrogate pairs.`;
  if (errorCode.startsWith('format'))
    return `${name} must be a UUID such as 5f0c1e9a-7d34-4c52-9b1e-0a6f2d8c4b11.`;
  return `${name} ${message}.`;
}

/** Tells the caller in the spec's words what the validator found. */
function explain(error: unknown, document: OpenAPIV3.DocumentV3_1, request: Request): unknown {
  if (!(error instanceof OpenApiValidator.error.BadRequest)) return error;
  const parameters = parametersOf(document, 'query', request);
  const headers = [...parametersOf(document, 'header', request).values()];
  const known = bodyFieldsOf(document, request.path, request.method);
  const problems = error.errors.map((problem) => {
    const parameter = parameters.get(problem.path.replace('/query/', ''));
    if (parameter) return `Query parameter "${parameter.name}" must be ${expectationOf(parameter)}.`;
    const header = headers.find(({ name }) => problem.path === `/headers/${name.toLowerCase()}`);
    if (header) return `Header "${header.name}" must be ${expectationOf(header)}.`;
    return problem.path.startsWith('/body') ? explainField(problem, known) : problem.message;
  });
  const code = error.errors.some(({ path }) => path.startsWith('/body'))
    ? 'invalid_body'
    : 'invalid_parameter';
  return new ApiError(code, [...new Set(problems)].join(' '), { cause: error });
}

/**
 * Refuses every request that the spec does not allow, and converts its parameters to the types in the spec.
 * The validator takes HEAD for an unknown method, so it is shown GET.
 */
export function validation(document: OpenAPIV3.DocumentV3_1): RequestHandler {
  const validator = Router();
  validator.use(
    OpenApiValidator.middleware({
      // It changes the document that it is given.
      apiSpec: structuredClone(document),
      validateRequests: { allowUnknownQueryParameters: false },
      validateResponses: false,
      validateSecurity: false,
      fileUploader: false,
    }),
  );
  return (request, response, next) => {
    const { method } = request;
    if (method === 'HEAD') request.method = 'GET';
    validator(request, response, (error?: unknown) => {
      request.method = method;
      next(error && explain(error, document, request));
    });
  };
}
