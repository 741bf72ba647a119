/**
 * Requests made from the spec, for any operation in it: valid ones, and the same with a single fault. What a schema cannot
 * say, such as which cursors are ours, is left out of valid requests.
 */
import fc, { type Arbitrary } from 'fast-check';
import { routes } from '../../generated/express.gen.ts';
import { at, isObject, type JsonObject } from './json.ts';
import { list, namedValueOf, resolve, valueOf, wrongValues } from './schema-values.ts';

/** A request before it is written as HTTP. */
export interface Sent {
  method: string;
  path: string;
  /** Names and values, not yet encoded. */
  query: [name: string, value: string][];
  headers: Record<string, string>;
  /** JSON; undefined for an operation without body. */
  body?: unknown;
  /** The query or the body as they go out, where no encoder would make them so. */
  rawQuery?: string;
  rawBody?: Uint8Array | string;
}

/** One thing that makes a valid request invalid. */
export interface Fault {
  what: string;
  /** Statuses of which it may be refused. */
  expected: number[];
  put: (request: Sent) => Arbitrary<Sent>;
}

/** The operations that need a key: all but those for balancers. */
export const keyedOperations = Object.entries(routes).filter(([, { path }]) => !path.startsWith('/health/'));

/** Parameters that only a reply of the service can give a good value. */
const FROM_REPLIES = new Set(['cursor']);

interface Parameter {
  name: string;
  in: 'query' | 'header';
  required: boolean;
  schema: unknown;
}

/** An operation of a spec, as far as requests are concerned. */
export function operationOf(document: unknown, method: string, path: string) {
  const item = at(document, 'paths', path);
  const operation = at(item, method);
  const parameters = [...list(at(item, 'parameters')), ...list(at(operation, 'parameters'))].map(
    (given): Parameter => {
      const parameter = resolve(document, given);
      return {
        name: String(at(parameter, 'name')),
        in: at(parameter, 'in') === 'header' ? 'header' : 'query',
        required: at(parameter, 'required') === true,
        schema: resolve(document, at(parameter, 'schema')),
      };
    },
  );
  const body = resolve(document, at(operation, 'requestBody'));
  const bodySchema = resolve(document, at(body, 'content', 'application/json', 'schema'));
  return { document, method: method.toUpperCase(), path, item, parameters, bodySchema };
}

export type Operation = ReturnType<typeof operationOf>;

/** Valid requests of an operation. */
export function validRequest({ document, method, path, parameters, bodySchema }: Operation): Arbitrary<Sent> {
  const known = parameters.filter(({ name }) => !FROM_REPLIES.has(name));
  const values = Object.fromEntries(
    known.map(({ name, schema }) => [
      name,
      // One that is used again would be of another body.
      name === 'Idempotency-Key' ? fc.uuid() : namedValueOf(document, name, schema),
    ]),
  );
  const requiredKeys = known.filter(({ required }) => required).map(({ name }) => name);
  const given = fc.record(values, { requiredKeys });
  const body = bodySchema === undefined ? fc.constant(undefined) : valueOf(document, bodySchema);
  return fc.tuple(given, body).map(([chosen, content]) => {
    const pairs = (place: Parameter['in']) =>
      known.flatMap(({ name, in: where }): [string, string][] =>
        where === place && name in chosen ? [[name, String(chosen[name])]] : [],
      );
    const headers = Object.fromEntries(pairs('header'));
    return { method, path, query: pairs('query'), headers, ...(content !== undefined && { body: content }) };
  });
}

const queryText = ({ query, rawQuery }: Sent): string =>
  [
    ...query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
    rawQuery ?? '',
  ]
    .filter(Boolean)
    .join('&');

/** Sends a request as it stands. */
export function send(ask: (pathAndQuery: string, init: RequestInit) => Promise<Response>, request: Sent) {
  const { method, path, headers, body, rawBody } = request;
  const query = queryText(request);
  const content = rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
  return ask(query === '' ? path : `${path}?${query}`, {
    method,
    headers: { ...(content !== undefined && { 'Content-Type': 'application/json' }), ...headers },
    ...(content !== undefined && { body: typeof content === 'string' ? content : Buffer.from(content) }),
  });
}

const changed = (change: (request: Sent) => Partial<Sent>) => (request: Sent) =>
  fc.constant({ ...request, ...change(request) });

function withParameter(
  { query, headers }: Sent,
  { name, in: place }: Parameter,
  value: string,
): Partial<Sent> {
  if (place === 'header') return { headers: { ...headers, [name]: value } };
  return { query: [...query.filter(([other]) => other !== name), [name, value]] };
}

/** As a text in a URL, every value of the right spelling is one of its type. */
function asText(schema: unknown, value: unknown): string | undefined {
  const types = [at(schema, 'type')].flat();
  if (value === null || typeof value === 'object') return undefined;
  // No percent-encoding stands for half a surrogate pair.
  if (/\p{Surrogate}/u.test(String(value))) return undefined;
  if (types.includes('string') && typeof value !== 'string') return undefined;
  return String(value);
}

function parameterFaults(document: unknown, parameter: Parameter): Fault[] {
  const { name, in: place, required, schema } = parameter;
  const values = wrongValues(document, schema).flatMap(([what, value]): [string, string][] => {
    const text = asText(schema, value);
    return text === undefined ? [] : [[what, text]];
  });
  const without = ({ query }: Sent) => query.filter(([other]) => other !== name);
  const raw = (what: string, text: string): Fault => ({
    what: `query parameter ${name} ${what}`,
    expected: [400],
    put: changed((request) => ({ query: without(request), rawQuery: `${encodeURIComponent(name)}${text}` })),
  });
  return [
    ...values.map(([what, text]): Fault => ({
      what: `${place} parameter ${name} is ${what}`,
      expected: [400],
      put: changed((request) => withParameter(request, parameter, text)),
    })),
    ...(required
      ? [
          {
            what: `${place} parameter ${name} is missing`,
            expected: [400],
            put: changed((request) => ({ query: without(request) })),
          },
        ]
      : []),
    ...(place === 'query'
      ? [
          raw('has no value', ''),
          raw('is given twice', `=1&${name}=1`),
          raw('is an array', '[]=1'),
          raw('is an operator', '[$ne]=1'),
          raw('is badly encoded', '=%E0%A4%A'),
          raw('is no UTF-8', '=%FF'),
          raw('has a NUL byte', '=%00'),
          ...([at(schema, 'type')].flat().includes('integer')
            ? [
                raw('is hexadecimal', '=0x10'),
                raw('has an exponent', '=1e1'),
                raw('begins with a blank', '=%201'),
                raw('is larger than any integer', `=${'9'.repeat(400)}`),
              ]
            : []),
        ]
      : []),
  ];
}

function bodyFaults({ document, bodySchema }: Operation): Fault[] {
  if (bodySchema === undefined) return [];
  const properties = at(bodySchema, 'properties');
  const fields = Object.entries(isObject(properties) ? properties : {});
  const required = list(at(bodySchema, 'required')).map(String);
  const body = (what: string, change: (body: JsonObject) => unknown, expected = [400]): Fault => ({
    what: `the body ${what}`,
    expected,
    put: changed((request) => ({ body: change(isObject(request.body) ? request.body : {}) })),
  });
  const raw = (what: string, rawBody: Uint8Array | string): Fault => ({
    what: `the body ${what}`,
    expected: [400],
    put: changed(() => ({ rawBody })),
  });
  const typed = (what: string, type: string): Fault => ({
    what: `the content type is ${what}`,
    expected: [415],
    put: changed(({ headers }) => ({ headers: { ...headers, 'Content-Type': type } })),
  });
  return [
    ...required.map((name) =>
      body(`has no ${name}`, (whole) =>
        Object.fromEntries(Object.entries(whole).filter(([key]) => key !== name)),
      ),
    ),
    ...fields.flatMap(([name, schema]) =>
      wrongValues(document, schema).map(([what, value]) =>
        body(`has a ${name} that is ${what}`, (whole) => ({ ...whole, [name]: value })),
      ),
    ),
    ...(at(bodySchema, 'minProperties') === undefined
      ? []
      : [
          body('names nothing but what is required', (whole) =>
            Object.fromEntries(Object.entries(whole).filter(([key]) => required.includes(key))),
          ),
        ]),
    body('has a field that is not known', (whole) => ({ ...whole, surprise: 1 })),
    body('is an array', (whole) => [whole]),
    body('is null', () => null),
    raw('is broken JSON', '{"id":'),
    raw('gives a name twice', '{"id":"a","id":"b"}'),
    raw('is nested deeply', '['.repeat(5_000) + ']'.repeat(5_000)),
    raw('is empty', ''),
    raw('is no UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
    {
      what: 'the body is too large',
      expected: [413],
      put: changed(() => ({ rawBody: `"${'x'.repeat(9_000_000)}"` })),
    },
    typed('text', 'text/plain'),
    typed('a form', 'application/x-www-form-urlencoded'),
  ];
}

const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS'];

function generalFaults({ item }: Operation): Fault[] {
  const others = METHODS.filter((method) => at(item, method.toLowerCase()) === undefined);
  return [
    {
      what: 'there is a parameter that is not known',
      expected: [400],
      put: (request) =>
        fc
          .stringMatching(/^[a-z_$.]{1,12}$/)
          .filter((name) => !request.query.some(([known]) => known === name))
          .map((name) => ({ ...request, query: [...request.query, [`x${name}`, '1']] })),
    },
    {
      what: 'the path has another method',
      expected: [405],
      put: ({ body: _body, ...request }) =>
        fc.constantFrom(...others).map((method) => ({ ...request, method })),
    },
    {
      what: 'the path ends with a slash',
      expected: [404],
      put: changed(({ path }) => ({ path: `${path}/` })),
    },
    {
      what: 'the path has capitals',
      expected: [404],
      put: changed(({ path }) => ({ path: path.toUpperCase() })),
    },
    {
      what: 'the reply may not be JSON',
      expected: [406],
      put: changed(({ headers }) => ({ headers: { ...headers, Accept: 'application/xml' } })),
    },
    { what: 'the URL is too long', expected: [414], put: changed(() => ({ rawQuery: 'x'.repeat(8_200) })) },
  ];
}

/** Every single fault that a valid request of an operation can be given. */
export function faultsOf(operation: Operation): Fault[] {
  const { document, parameters } = operation;
  return [
    ...parameters.flatMap((parameter) => parameterFaults(document, parameter)),
    ...bodyFaults(operation),
    ...generalFaults(operation),
  ];
}
