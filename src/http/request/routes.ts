import type { RequestHandler } from 'express';
import { Router } from 'express';
import type { OpenAPIV3 } from 'express-openapi-validator/dist/framework/types.js';
import { routes } from '../../../generated/express.gen.ts';
import { ApiError } from '../../lib/errors.ts';
import type { Handlers, OperationId } from '../../operations/handlers.ts';
import { type Sending, sendJson } from '../reply/json-body.ts';
import { parametersOf } from './parameters.ts';

type Path = (typeof routes)[OperationId]['path'];

/** The empty arrays in error replies, by path. Without them, a client's loop over the array would fail. */
const EMPTY_ARRAYS: { [P in Path]: Record<string, []> } = {
  '/api/tasks': { tasks: [] },
  '/api/tasks/runs': { runs: [] },
  '/api/tasks/runs/cancel': { runs: [] },
  '/api/tasks/occurrences': { occurrences: [] },
  '/api/tasks/upcoming': { upcoming: [] },
  '/api/schedules/preview': {},
  '/api/caller': {},
  '/health/live': {},
  '/health/ready': {},
};

/** The path at which MCP clients call the operations as tools. The spec does not contain this path. */
export const MCP_PATH = '/mcp';

const operationIds = Object.keys(routes).filter((id): id is OperationId => id in routes);

function methodsOf(path: string): string[] {
  if (path === MCP_PATH) return ['POST'];
  const methods = operationIds
    .filter((id) => routes[id].path === path)
    .map((id) => routes[id].method.toUpperCase());
  return methods.includes('GET') ? ['GET', 'HEAD', ...methods.filter((method) => method !== 'GET')] : methods;
}

/** Returns the id of the operation that a request calls; undefined if the spec has none. HEAD counts as GET. */
export function operationOf(method: string | undefined, path: string | undefined): OperationId | undefined {
  const wanted = method === 'HEAD' ? 'get' : method?.toLowerCase();
  return operationIds.find((id) => routes[id].path === path && routes[id].method === wanted);
}

export function hasPath(path: string): boolean {
  return path === MCP_PATH || operationIds.some((id) => routes[id].path === path);
}

export function takesBody(id: OperationId): boolean {
  return routes[id].hasBody;
}

/** Returns the empty array that error replies of a path contain, by field name; {} if they contain none. */
export function emptyArrayOf(path: string): Record<string, []> {
  return Object.entries(EMPTY_ARRAYS).find(([known]) => known === path)?.[1] ?? {};
}

/** Refuses paths that do not exist (404) and methods that the path does not support (405). */
export const checkRoute: RequestHandler = (request, _response, next) => {
  if (operationOf(request.method, request.path)) return next();
  const methods = methodsOf(request.path);
  if (methods.includes(request.method)) return next();
  if (methods.length === 0) {
    const paths = [...new Set(operationIds.map((id) => routes[id].path))].join(', ');
    throw new ApiError('not_found', `Unknown path. The paths of this service are ${paths}. See /docs.`);
  }
  const allow = methods.join(', ');
  throw new ApiError(
    'method_not_allowed',
    `${request.path} does not support ${request.method}. Allowed methods: ${allow}.`,
    {
      headers: { Allow: allow },
    },
  );
};

/** Matches the parameters of a media range in an Accept header, except its weight `q`. */
const OTHER_PARAMETERS = /;\s*(?!q=)[\w-]+=("[^"]*"|[^;,]*)/gi;

/** Refuses requests whose Accept header excludes JSON. */
export const checkAccept: RequestHandler = (request, _response, next) => {
  // Remove parameters first: `application/json; charset=utf-8` is fine, but Express would not match the parameter.
  request.headers.accept = request.headers.accept?.replaceAll(OTHER_PARAMETERS, '');
  if (request.accepts('application/json')) return next();
  throw new ApiError(
    'not_acceptable',
    'The Accept header excludes application/json, the only type that this service returns.',
  );
};

function serve<Id extends OperationId>(
  id: Id,
  handlers: Handlers,
  headerNames: string[],
  sending: Sending,
): RequestHandler {
  const handler = handlers[id];
  return async (request, response) => {
    const headers = Object.fromEntries(headerNames.map((name) => [name, request.get(name)]));
    // The validator has ensured that query, body and headers have the operation's input type; Express's types cannot
    // express that. credentials.ts has set `response.locals.principal`.
    response.locals.input = { query: request.query, body: request.body, headers };
    const reply = await handler(response.locals.input, response.locals.principal);
    // Do not await: this call would keep the body in memory until the client has read the reply.
    return sendJson(response.status(reply.status), reply.body, sending);
  };
}

/**
 * Calls the handler of each operation with the validated parts of the request, and sends the handler's reply as JSON.
 */
export function router(handlers: Handlers, document: OpenAPIV3.DocumentV3_1, sending: Sending): Router {
  const all = Router({ caseSensitive: true, strict: true });
  for (const id of operationIds) {
    const { method, path } = routes[id];
    const headerNames = [...parametersOf(document, 'header', { path, method }).keys()];
    all[method](path, serve(id, handlers, headerNames, sending));
  }
  return all;
}
