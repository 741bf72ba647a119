/** The checker that every reply in the tests passes through: it lets pass what the spec allows, and nothing else. */
import { describe, expect, test } from '@jest/globals';
import { loadSpec } from '../../src/http/request/spec.ts';
import { SECURITY_HEADERS, assertContract } from '../support/contract.ts';
import { at } from '../support/json.ts';

const example = (name: string): unknown =>
  structuredClone(at(loadSpec().document, 'components', 'examples', name, 'value'));

/** The example of an error, with the empty array of /api/tasks. */
const errorExample = (response: string) => ({
  ...Object(
    at(loadSpec().document, 'components', 'responses', response, 'content', 'application/json', 'example'),
  ),
  tasks: [],
});

const CACHED = { 'cache-control': 'private, no-cache', vary: 'Accept-Encoding', etag: '"abc"' };

/** A good reply to GET /api/tasks, or one that differs from it so. */
function reply(changes: {
  method?: string;
  path?: string;
  status?: number;
  body?: unknown;
  text?: string;
  headers?: Record<string, string | undefined>;
}) {
  const { method = 'GET', path = '/api/tasks', status = 200, body = example('OneTask'), headers } = changes;
  const text = changes.text ?? JSON.stringify(body);
  const all: Record<string, string | undefined> = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
    'x-request-id': 'one',
    // Of what succeeds alone.
    ...(status === 200 && CACHED),
    ...SECURITY_HEADERS,
    ...headers,
  };
  const present = Object.entries(all).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
  return { method, path, status, headers: new Headers(present), text };
}

/** The spec's example of a task with a run, changed at a place of its text. */
const changed = (from: string, to: string) => {
  const text = JSON.stringify(example('OneTask'));
  expect(text).toContain(from);
  return { text: text.replace(from, to) };
};

test.each([
  ['a listing', {}],
  ['an error', { status: 400, body: errorExample('InvalidParameter') }],
  [
    'a look-up that failed',
    { status: 503, body: errorExample('DatabaseUnavailable'), headers: { 'retry-after': '1' } },
  ],
  ['a listing without ETag', { headers: { etag: undefined } }],
  [
    'that nothing is new',
    {
      status: 304,
      text: '',
      headers: { ...CACHED, 'content-type': undefined, 'content-length': undefined },
    },
  ],
  ['an answer to HEAD', { method: 'HEAD', text: '', headers: { 'content-length': '99' } }],
  [
    'an unknown path',
    { path: '/x', status: 404, body: { ...errorExample('InvalidParameter'), tasks: undefined } },
  ],
])('%s passes', (_what, changes) => {
  expect(() => assertContract(reply(changes))).not.toThrow();
});

describe('found are', () => {
  const oneTask = JSON.stringify(example('OneTask'));
  test.each([
    [
      'a status that the operation does not have',
      { status: 201 },
      'replied 201, which the spec does not have',
    ],
    ['a success body with an error status', { status: 400 }, 'must have required property'],
    [
      'an error without the empty array of its path',
      { status: 400, body: { ...errorExample('InvalidParameter'), tasks: undefined } },
      'has no array, not tasks',
    ],
    [
      'an error with the empty array of another path',
      { status: 400, body: { ...errorExample('InvalidParameter'), tasks: undefined, runs: [] } },
      'has runs, not tasks',
    ],
    [
      'an error body with a success status',
      { body: errorExample('InvalidParameter') },
      'says it is an error',
    ],
    ['another content type', { headers: { 'content-type': 'application/json' } }, 'content type is'],
    ['no request id', { headers: { 'x-request-id': undefined } }, 'has no x-request-id'],
    ['what a browser may take for a page', { headers: { 'x-content-type-options': undefined } }, 'nosniff'],
    ['a request id with other characters', { headers: { 'x-request-id': 'a b' } }, 'RequestId'],
    ['no Cache-Control', { headers: { 'cache-control': undefined } }, 'has no Cache-Control'],
    ['an ETag that is none', { headers: { etag: 'abc' } }, 'ETag'],
    ['a 304 with a body', { status: 304, headers: CACHED }, 'A 304 has no body'],
    ['no Retry-After', { status: 503, body: errorExample('DatabaseUnavailable') }, 'has no Retry-After'],
    ['a header that is not declared', { headers: { 'x-powered-by': 'Express' } }, 'x-powered-by'],
    ['a Content-Length that is not true', { headers: { 'content-length': '3' } }, 'Content-Length is 3'],
    ['a body where HEAD was asked', { method: 'HEAD' }, 'has no body'],
    ['a body that is not JSON', { text: oneTask.slice(0, -1) }, 'JSON'],
    ['a field that is not declared, at the top', changed('"status"', '"total":1,"status"'), 'unevaluated'],
    ['a field that is not declared, in a task', changed('"prompt"', '"version":1,"prompt"'), 'unevaluated'],
    ['a field that is not declared, in a run', changed('"isTest"', '"task_key":"x","isTest"'), 'unevaluated'],
    [
      'a field that is not declared, in an attempt',
      changed('"id":"attempt', '"n":1,"id":"attempt'),
      'unevaluated',
    ],
    ['a field that is missing', changed('"owner_email":"mira@northlight.example",', ''), 'owner_email'],
    ['a null that is not allowed', changed('"isTest":false', '"isTest":null'), 'isTest'],
    ['a value that is not in its list', changed('"COMPLETED"', '"DONE"'), 'allowed values'],
    [
      'an instant in another zone',
      changed('2026-11-19T14:00:00.000Z', '2026-11-19T15:00:00.000+01:00'),
      'date-time',
    ],
    [
      'an instant as JavaScript prints a Date',
      changed('"2026-11-19T14:00:00.000Z"', '"Thu Nov 19 2026"'),
      'date-time',
    ],
    ['an instant as BSON has it', changed('"2026-11-19T14:00:00.000Z"', '{"$date":1}'), 'createdAt'],
    [
      'a sixth run',
      {
        text: oneTask.replace(
          /"recent_runs":\[(.*?)\],"upcoming"/,
          '"recent_runs":[$1,$1,$1,$1,$1,$1],"upcoming"',
        ),
      },
      '5 items',
    ],
  ])('%s', (_what, changes, message) => {
    expect(() => assertContract(reply(changes))).toThrow(message);
  });
});
