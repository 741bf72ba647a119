import Ajv2020, { type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { at, isObject } from './json.ts';
import { loadSpec } from '../../src/http/request/spec.ts';

/** A reply as it came over the wire. */
export interface WireReply {
  method: string;
  path: string;
  status: number;
  headers: Headers;
  text: string;
}

/** Closes each object schema that does not say that it is open, so that a field the spec does not know is found. */
function close(schema: unknown, insideAllOf = false): void {
  if (Array.isArray(schema)) for (const member of schema) close(member, insideAllOf);
  if (!isObject(schema)) return;
  const open = insideAllOf || 'additionalProperties' in schema || !('properties' in schema);
  if (!open) schema.unevaluatedProperties = false;
  for (const [key, inner] of Object.entries(schema)) close(inner, key === 'allOf');
}

const document: unknown = structuredClone(loadSpec().document);
const schemas = at(document, 'components', 'schemas');
if (!isObject(schemas)) throw new Error('openapi.yaml has no components.schemas.');
close(schemas);

const ajv = addFormats.default(new Ajv2020.default({ strict: false, allErrors: true }));
// Stricter than RFC 3339, as the spec's description says: in UTC with milliseconds, as JavaScript writes them.
ajv.addFormat('date-time', (text) => {
  const instant = new Date(text);
  return !Number.isNaN(instant.getTime()) && instant.toISOString() === text;
});
ajv.addSchema({ ...(isObject(document) ? document : {}), $id: 'https://spec.invalid/openapi.yaml' });
const validators = new Map<string, ValidateFunction>();

const FIX = 'To fix it: describe it in openapi.yaml and run npm run generate, or change';

/** What is wrong with a value, and where; the name of a field that should not be there, which ajv leaves out. */
function describeProblem({ instancePath, message, params }: ErrorObject): string {
  const field: unknown = params.unevaluatedProperty ?? params.additionalProperty;
  return `data${instancePath} ${message}${field === undefined ? '' : `: ${String(field)}`}`;
}

/** Throws where a value does not fit a schema of the spec, given by its place, e.g. components/schemas/Task. */
export function assertSchema(place: string, value: unknown): void {
  const validate =
    validators.get(place) ??
    ajv.compile({
      allOf: [{ $ref: `https://spec.invalid/openapi.yaml#/${place}` }],
      unevaluatedProperties: false,
    });
  validators.set(place, validate);
  if (!validate(value)) {
    const problems = (validate.errors ?? []).map(describeProblem).join('; ');
    throw new Error(
      `The value does not fit ${place}: ${problems}.\n${FIX} what is sent.\n${JSON.stringify(value)}`,
    );
  }
}

const JSON_TYPE = 'application/json; charset=utf-8';

/** Headers of HTTP itself, which a spec does not declare. */
const HTTP_HEADERS = new Set([
  'connection',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'transfer-encoding',
]);
/** For browsers, on every reply, as the document's description says. */
export const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** For browsers, where there is cause for them. */
const CORS_HEADERS = new Set(['access-control-allow-origin', 'access-control-expose-headers', 'vary']);

const pointer = (key: string) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

function assertHeaders(declared: unknown, { headers, status }: WireReply): void {
  const known = new Set(Object.keys(isObject(declared) ? declared : {}).map((name) => name.toLowerCase()));
  for (const name of headers.keys()) {
    const allowed =
      known.has(name) ||
      HTTP_HEADERS.has(name) ||
      name in SECURITY_HEADERS ||
      CORS_HEADERS.has(name) ||
      (status === 405 && name === 'allow');
    if (!allowed)
      throw new Error(
        `The ${status} has a header ${name}, which the spec does not declare. ${FIX} the headers.`,
      );
  }
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (headers.get(name) !== value)
      throw new Error(`The ${status} has ${name}: ${headers.get(name)}, not ${value}.`);
  }
  for (const [name, ref] of Object.entries(isObject(declared) ? declared : {})) {
    const value = headers.get(name);
    const place = String(at(ref, '$ref')).replace('#/', '');
    if (value === null && at(document, ...place.split('/'), 'required') !== true) continue;
    if (value === null) throw new Error(`The ${status} has no ${name} header.`);
    const type = at(document, ...place.split('/'), 'schema', 'type');
    assertSchema(`${place}/schema`, type === 'integer' ? Number(value) : value);
  }
}

/** Where in the spec the schema of a reply's body is; of replies that no operation can give, the general one. */
function placeOf({ method, path, status }: WireReply): { place: string; headers: unknown } {
  const item = at(document, 'paths', path);
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  const operation = at(item, verb);
  if (operation) {
    const given = at(operation, 'responses', String(status));
    const reference = at(given, '$ref');
    const response = typeof reference === 'string' ? at(document, ...reference.slice(2).split('/')) : given;
    if (!response)
      throw new Error(
        `${method} ${path} replied ${status}, which the spec does not have. ${FIX} the status.`,
      );
    return {
      place: `${
        typeof reference === 'string'
          ? reference.slice(2)
          : `paths/${pointer(path)}/${verb}/responses/${status}`
      }/content/${pointer('application/json')}/schema`,
      headers: at(response, 'headers'),
    };
  }
  const expected = item ? 405 : 404;
  if (status !== expected && status !== 414)
    throw new Error(`${method} ${path} replied ${status}, not ${expected}.`);
  return {
    place: 'components/schemas/ErrorResponse',
    headers: { 'x-request-id': { $ref: '#/components/headers/RequestId' } },
  };
}

/** The array that an error has beside the envelope, by path; the shared schema of errors allows each of them everywhere. */
const EMPTY_ARRAYS = new Map([
  ['/api/tasks', 'tasks'],
  ['/api/tasks/runs', 'runs'],
  ['/api/tasks/runs/cancel', 'runs'],
  ['/api/tasks/occurrences', 'occurrences'],
]);

function assertEmptyArray(path: string, body: unknown): void {
  const expected = EMPTY_ARRAYS.get(path);
  const found = ['tasks', 'runs', 'occurrences'].filter((name) => at(body, name) !== undefined);
  if (found.join(', ') !== (expected ?? ''))
    throw new Error(
      `The error of ${path} has ${found.join(', ') || 'no array'}, not ${expected ?? 'no array'}.`,
    );
}

/** Throws unless a reply is one that openapi.yaml allows: status, content type, headers, length, every field of the body. */
export function assertContract(reply: WireReply): void {
  const { place, headers } = placeOf(reply);
  assertHeaders(headers, reply);
  if (reply.status === 304) {
    if (reply.text !== '' || reply.headers.has('content-type')) throw new Error('A 304 has no body.');
    return;
  }
  if (reply.headers.get('content-type') !== JSON_TYPE) {
    throw new Error(`The content type is ${reply.headers.get('content-type')}, not ${JSON_TYPE}.`);
  }
  const length = reply.headers.get('content-length');
  // Of a compressed body it is the compressed length, which fetch itself checks.
  const isCompressed = reply.headers.has('content-encoding');
  const isChecked = length !== null && reply.method !== 'HEAD' && !isCompressed;
  if (isChecked && Number(length) !== Buffer.byteLength(reply.text)) {
    throw new Error(`Content-Length is ${length}, but the body has ${Buffer.byteLength(reply.text)} bytes.`);
  }
  if (reply.method === 'HEAD') {
    if (reply.text !== '') throw new Error('A reply to HEAD has no body.');
    return;
  }
  const body: unknown = JSON.parse(reply.text);
  assertSchema(place, body);
  if (reply.status >= 400) assertEmptyArray(reply.path, body);
  // One published schema holds for both.
  if (reply.status < 400 && at(body, 'status') === 'error') {
    throw new Error(`The body of a ${reply.status} says it is an error.`);
  }
}

/** As fetch, but throws where the reply is not one that openapi.yaml allows. */
export const checkedFetch: typeof fetch = async (input, init) => {
  const request = new Request(input, init);
  const response = await fetch(request);
  // Not text(): it would replace what is not UTF-8.
  const text = new TextDecoder('utf-8', { fatal: true }).decode(await response.clone().arrayBuffer());
  const { pathname } = new URL(request.url);
  assertContract({
    method: request.method,
    path: pathname,
    status: response.status,
    headers: response.headers,
    text,
  });
  return response;
};
