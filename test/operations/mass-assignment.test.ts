/** No body of the spec sets what it does not declare: read-only fields, the database's own, prototypes, operators. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { routes } from '../../generated/express.gen.ts';
import { loadSpec } from '../../src/http/request/spec.ts';
import { ACCOUNT, OTHER_ACCOUNT, run, task, uuid } from '../support/builders.ts';
import { at, isObject } from '../support/json.ts';
import { liveEngine } from '../support/queue.ts';
import { operationOf, validRequest } from '../support/requests.ts';
import { type Service, startService } from '../support/service.ts';

const { document } = loadSpec();
let service: Service;
beforeAll(async () => {
  service = await startService();
  await service.collections.tasks.insertMany([task(1), task(2)]);
  await service.runs.recordRuns(uuid(1), [run(1)]);
  await liveEngine(service.collections);
});
afterAll(() => service.close());

const propertiesOf = (schema: string) =>
  Object.keys(Object(at(document, 'components', 'schemas', schema, 'properties')));

/** What replies show, what documents have, and what has broken others. */
const NAMES = [
  ...propertiesOf('Task'),
  ...propertiesOf('Run'),
  '_id',
  'created_at',
  'version',
  'runs_account_id',
  'plan_from',
  'next_fire_at',
  'fence',
  'owner',
  'cancel',
  'scope',
  'caller',
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  '$set',
  '$where',
  'account_id.x',
  '',
];
const VALUES = [true, null, 'x', OTHER_ACCOUNT, { admin: true }, [], { $set: { account_id: OTHER_ACCOUNT } }];

/** A body's text with one field more; JSON.stringify would drop a prototype. */
const withField = (body: object, name: string, value: unknown) =>
  JSON.stringify(body).replace(/\}$/, `,${JSON.stringify(name)}:${JSON.stringify(value)}}`);

async function everything() {
  const { tasks, runs, accounts, idempotency_keys, run_queue } = service.collections;
  return Promise.all([tasks, runs, accounts, idempotency_keys, run_queue].map((one) => one.find().toArray()));
}

describe.each(Object.entries(routes).filter(([, { hasBody }]) => hasBody))('%s', (_id, { method, path }) => {
  const operation = operationOf(document, method, path);
  const declared = propertiesOf(
    String(
      at(document, 'paths', path, method, 'requestBody', 'content', 'application/json', 'schema', '$ref'),
    )
      .split('/')
      .at(-1) ?? '',
  );
  const [sample] = fc.sample(validRequest(operation), { numRuns: 1, seed: 3 });
  const body = isObject(sample?.body) ? { ...sample.body, ...('id' in sample.body && { id: uuid(1) }) } : {};
  const put = (text: string) =>
    service.request(path, {
      method: method.toUpperCase(),
      headers: { 'Content-Type': 'application/json' },
      body: text,
    });

  test.each(NAMES.filter((name) => !declared.includes(name)))(
    'refuses the field "%s", whatever is in it',
    async (name) => {
      const before = await everything();
      for (const value of VALUES) {
        const response = await put(withField(body, name, value));
        expect([response.status, (await response.json()).code]).toEqual([400, 'invalid_body']);
      }
      expect(await everything()).toEqual(before);
    },
  );
});

test.each(NAMES.filter((name) => !propertiesOf('RunReport').includes(name)))(
  'a run that is reported cannot have the field "%s"',
  async (name) => {
    const before = await everything();
    const instant = '2026-06-01T00:00:00Z';
    const report = {
      id: 'run_x',
      status: 'QUEUED',
      taskIdentifier: 't',
      createdAt: instant,
      updatedAt: instant,
    };
    const text = `{"task_id":"${uuid(1)}","runs":[${withField(report, name, ACCOUNT)}]}`;
    const response = await service.request('/api/tasks/runs', {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: text,
    });
    expect([response.status, (await response.json()).code]).toEqual([400, 'invalid_body']);
    expect(await everything()).toEqual(before);
  },
);
