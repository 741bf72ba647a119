/** Values made from a schema of the spec: such as it allows, and such as it refuses. */
import fc, { type Arbitrary } from 'fast-check';
import { at, isObject, type JsonObject } from './json.ts';

/** Fields of which a schema cannot say all: good values of them. */
const MEANINGFUL: Record<string, string[]> = {
  schedule: ['0 9 * * 4', '*/5 * * * *', '30 2 1,15 * MON-FRI', '0 0 29 2 *'],
  // One that the tests have made: what can be done with a task is done.
  task_id: ['00000000-0000-4000-8000-000000000001'],
  timezone: ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'],
};

const FIRST_SURROGATE = 0xd800;
const SURROGATES = 0x800;

/** Any character, as fast-check's unit "binary", which keeps a map of all 1.1 million of them in memory. */
export const character: Arbitrary<string> = fc.nat(0x10ffff - SURROGATES).map(
  (index) => String.fromCodePoint(index < FIRST_SURROGATE ? index : index + SURROGATES),
  (text) => {
    if (typeof text !== 'string' || !/^\P{Cs}$/u.test(text)) throw new Error('Not a character.');
    const code = text.codePointAt(0) ?? 0;
    return code < FIRST_SURROGATE ? code : code - SURROGATES;
  },
);

const LONGEST_TEXT = 40;
const MOST_ITEMS = 4;

/** The schema, parameter or body itself, where it is given by a reference. */
export const resolve = (document: unknown, value: unknown): unknown => {
  const reference = at(value, '$ref');
  return typeof reference === 'string' ? at(document, ...reference.slice(2).split('/')) : value;
};

const number = (value: unknown, otherwise: number): number => (typeof value === 'number' ? value : otherwise);
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Whether a schema takes any text but those that databases cannot keep: the pattern only excludes characters. */
const isAnyText = (schema: unknown): boolean => String(at(schema, 'pattern')).startsWith('^[^');

function textOf(schema: unknown): Arbitrary<string> {
  const format = at(schema, 'format');
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') {
    const range = { min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true };
    return fc.date(range).map((date) => date.toISOString());
  }
  const minLength = number(at(schema, 'minLength'), 0);
  const maxLength = Math.min(
    number(at(schema, 'maxLength'), LONGEST_TEXT),
    Math.max(minLength, LONGEST_TEXT),
  );
  const pattern = at(schema, 'pattern');
  if (typeof pattern === 'string' && !isAnyText(schema)) {
    return fc
      .stringMatching(new RegExp(pattern))
      .filter((text) => text.length >= minLength && text.length <= maxLength);
  }
  return fc.string({ minLength, maxLength, unit: character }).filter((text) => !text.includes('\0'));
}

/** Values that a schema of the spec allows. */
export function valueOf(document: unknown, given: unknown): Arbitrary<unknown> {
  const schema = resolve(document, given);
  const values = at(schema, 'enum');
  if (Array.isArray(values)) return fc.constantFrom(...values);
  const alternatives = at(schema, 'oneOf') ?? at(schema, 'anyOf');
  if (Array.isArray(alternatives)) return fc.oneof(...alternatives.map((one) => valueOf(document, one)));
  const types = [at(schema, 'type')].flat();
  const arbitraries = types.map((type): Arbitrary<unknown> => {
    if (type === 'null') return fc.constant(null);
    if (type === 'boolean') return fc.boolean();
    if (type === 'string') return textOf(schema);
    const [min, max] = [number(at(schema, 'minimum'), -1000), number(at(schema, 'maximum'), 1000)];
    if (type === 'integer') return fc.integer({ min, max });
    if (type === 'number') return fc.double({ min, max, noNaN: true });
    if (type === 'array') {
      const minLength = number(at(schema, 'minItems'), 0);
      const maxLength = Math.min(number(at(schema, 'maxItems'), MOST_ITEMS), Math.max(minLength, MOST_ITEMS));
      const item = valueOf(document, at(schema, 'items'));
      return at(schema, 'uniqueItems') === true
        ? fc.uniqueArray(item, { minLength, maxLength })
        : fc.array(item, { minLength, maxLength });
    }
    if (type === 'object') return objectOf(document, schema);
    // JavaScript writes doubles from 2^63 to 1e21 as longer integers than the service takes.
    return fc.jsonValue({ maxDepth: 2 }).filter((value) => !/\d{19}/.test(JSON.stringify(value)));
  });
  return fc.oneof(...arbitraries);
}

/** Values of a field or parameter of that name. */
export function namedValueOf(document: unknown, name: string, schema: unknown): Arbitrary<unknown> {
  return MEANINGFUL[name] && at(schema, 'type') === 'string'
    ? fc.constantFrom(...MEANINGFUL[name])
    : valueOf(document, schema);
}

function objectOf(document: unknown, schema: unknown): Arbitrary<JsonObject> {
  const properties = at(schema, 'properties');
  if (!isObject(properties)) return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.integer());
  const required = list(at(schema, 'required')).map(String);
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, inner]) => [name, namedValueOf(document, name, inner)]),
  );
  const fewest = (object: object) =>
    Math.max(
      number(at(schema, 'minProperties'), 0),
      ...Object.keys(object).map((name) => number(at(schema, 'dependentSchemas', name, 'minProperties'), 0)),
    );
  return fc
    .record(members, { requiredKeys: required })
    .filter((object) => Object.keys(object).length >= fewest(object))
    .map((object) => ({ ...object }));
}

/** Values that a schema refuses, each with what is wrong with it. */
export function wrongValues(document: unknown, given: unknown): [what: string, value: unknown][] {
  const schema = resolve(document, given);
  const types = [at(schema, 'type')].flat();
  const wrong: [string, unknown][] = [];
  const take = (what: string, value: unknown) => wrong.push([what, value]);
  if (types[0] === undefined) return wrong;
  if (!types.includes('null')) take('null', null);
  if (!types.includes('object')) take('an object', { $ne: null });
  if (!types.includes('array')) take('an array', []);
  if (!types.includes('boolean')) take('a boolean', true);
  if (types.includes('string')) {
    take('a number', 1);
    const minLength = number(at(schema, 'minLength'), 0);
    const maxLength = at(schema, 'maxLength');
    if (minLength > 0) take('an empty text', '');
    if (typeof maxLength === 'number') take('too long', 'a'.repeat(maxLength + 1));
    if (at(schema, 'format') === 'uuid') take('no UUID', 'not-a-uuid'.padEnd(36, '0'));
    if (at(schema, 'format') === 'date-time') take('no instant', 'yesterday');
    if (at(schema, 'enum')) take('not in the list', 'SOMETHING_ELSE');
    if (isAnyText(schema)) {
      const rest = 'a'.repeat(Math.max(minLength - 1, 0));
      take('with NUL', `\0${rest}`);
      take('with half a surrogate pair', `\ud800${rest}`);
    }
  } else take('a text', 'text');
  if (types.includes('integer')) take('not whole', 1.5);
  for (const [key, step] of [
    ['minimum', -1],
    ['maximum', 1],
  ] as const) {
    const bound = at(schema, key);
    if (typeof bound === 'number') take(`beyond its ${key}`, bound + step);
  }
  return wrong;
}
