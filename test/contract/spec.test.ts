import { describe, expect, test } from '@jest/globals';
import { OpenAPISchemaValidator } from 'express-openapi-validator/dist/framework/openapi.schema.validator.js';
import { at, isObject } from '../support/json.ts';
import { assertSchema } from '../support/contract.ts';
import { resolve } from '../support/schema-values.ts';
import { loadSpec } from '../../src/http/request/spec.ts';

const { document } = loadSpec();

test('the spec is a valid OpenAPI document, which the service does not check again when it starts', () => {
  const validator = new OpenAPISchemaValidator({ version: document.openapi, validateApiSpec: true });
  expect(validator.validate(document).errors).toEqual([]);
  const broken = {
    ...document,
    paths: { '/api/tasks': { get: { parameters: [{ name: 'id', in: 'quary' }] } } },
  };
  expect(validator.validate(broken).errors).not.toEqual([]);
});

/** A reply and its place in the spec, which may be among those that several operations share. */
function located(place: string[], given: unknown) {
  const reference = at(given, '$ref');
  if (typeof reference !== 'string') return { place, reply: given };
  const shared = reference.slice(2).split('/');
  return { place: shared, reply: at(document, ...shared) };
}

/** Every reply of the spec that has a body, with the place of its schema and its examples. */
const replies = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
  Object.entries(item ?? {}).flatMap(([method, operation]) =>
    Object.entries(isObject(operation) && isObject(operation.responses) ? operation.responses : {}).map(
      ([status, given]) => ({
        path,
        method,
        status,
        ...located(['paths', path, method, 'responses', status], given),
      }),
    ),
  ),
);

/** A 304 has no body. */
const withBody = replies.filter(({ status }) => status !== '304');

describe.each(withBody)('$method $path $status', ({ place: parts, reply }) => {
  const content = at(reply, 'content', 'application/json');
  const inline = at(content, 'example');
  const examples = Object.entries<unknown>(
    inline === undefined ? Object(at(content, 'examples')) : { inline: { value: inline } },
  );
  const place = [...parts, 'content', 'application/json', 'schema']
    .map((key) => encodeURIComponent(key.replaceAll('/', '~1')))
    .join('/');

  test('has an example', () => {
    expect(examples.length).toBeGreaterThan(0);
  });

  test.each(examples)('the example %s fits its schema', (_name, example) => {
    const value = at(resolve(document, example), 'value');
    expect(value).toBeDefined();
    assertSchema(place, value);
  });
});

const bodies = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
  Object.entries(item ?? {}).flatMap(([method, operation]) => {
    const content = at(operation, 'requestBody', 'content', 'application/json');
    return content ? [{ path, method, content }] : [];
  }),
);

describe.each(bodies)('the body of $method $path', ({ content }) => {
  const examples = Object.entries(Object(at(content, 'examples')));
  const schema = String(at(content, 'schema', '$ref')).slice(2);

  test('has an example', () => {
    expect(examples.length).toBeGreaterThan(0);
  });

  test.each(examples)('the example %s fits its schema', (_name, example) => {
    assertSchema(schema, at(document, ...String(at(example, '$ref')).slice(2).split('/'), 'value'));
  });
});

test('every input has bounds', () => {
  const parameters = Object.values(document.paths ?? {})
    .flatMap((item) => item?.get?.parameters ?? [])
    .map((parameter) => resolve(document, parameter));
  const unbounded = parameters.filter((parameter) => {
    const schema = at(parameter, 'schema');
    const bounds = {
      string: at(schema, 'enum') === undefined ? ['minLength', 'maxLength'] : [],
      integer: ['minimum', 'maximum'],
      array: ['maxItems'],
      boolean: [],
    };
    const wanted = Object.entries(bounds).find(([type]) => type === at(schema, 'type'))?.[1];
    return !wanted?.every((bound) => at(schema, bound) !== undefined);
  });
  expect(unbounded).toEqual([]);
});

test('no text ends a block comment, into which generators of clients copy it', () => {
  expect(JSON.stringify(document).match(/.{0,40}\*\/.{0,40}/g)).toBeNull();
});

test('every parameter, schema and property has a description', () => {
  const missing: string[] = [];
  const visit = (schema: unknown, place: string) => {
    if (!isObject(schema)) return;
    if (!('$ref' in schema) && !('description' in schema)) missing.push(place);
    for (const [name, property] of Object.entries(Object(schema.properties)))
      visit(property, `${place}.${name}`);
  };
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) visit(schema, name);
  expect(missing).toEqual([]);
});

/** The places of unions one of whose alternatives takes any value. */
function openUnions(schema: unknown, place: string): string[] {
  if (Array.isArray(schema)) return schema.flatMap((inner, index) => openUnions(inner, `${place}.${index}`));
  if (!isObject(schema)) return [];
  const alternatives = [schema.anyOf, schema.oneOf].flat().filter(isObject);
  const isOpen = (one: object) =>
    !['$ref', 'type', 'enum', 'const', 'allOf', 'anyOf', 'oneOf'].some((key) => key in one);
  return [
    ...(alternatives.some(isOpen) ? [place] : []),
    ...Object.entries(schema).flatMap(([key, inner]) => openUnions(inner, `${place}.${key}`)),
  ];
}

test('no union has an alternative that takes any value: many generators make an empty object of it', () => {
  expect(openUnions(document, '')).toEqual([]);
  const union = {
    output: { anyOf: [{ $ref: '#/components/schemas/ContentOutput' }, { title: 'AnyOutput' }] },
  };
  expect(openUnions(union, '')).toEqual(['.output']);
});
