import type { RequestHandler } from 'express';
import { Router } from 'express';
import * as OpenApiValidator from 'express-openapi-validator';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { ApiError } from '../errors.ts';
import { expectationOf, queryParametersOf } from './parameters.ts';

/** Tells the caller in the spec's words what the validator found. */
function explain(error: unknown, parameters: Map<string, OpenAPIV3.ParameterObject>): unknown {
  if (!(error instanceof OpenApiValidator.error.BadRequest)) return error;
  const problems = error.errors.map(({ path, message }) => {
    const parameter = parameters.get(path.replace('/query/', ''));
    return parameter ? `Query parameter "${parameter.name}" must be ${expectationOf(parameter)}.` : message;
  });
  return new ApiError('invalid_parameter', [...new Set(problems)].join(' '), { cause: error });
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
      next(error && explain(error, queryParametersOf(document, request.path, method)));
    });
  };
}
