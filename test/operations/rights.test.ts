/**
 * The rights of keys, for each operation of the spec and each set of rights: what a key may not do is refused and changes
 * nothing, and what it may do is not refused for a right.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { routes } from '../../generated/express.gen.ts';
import type { Right } from '../../generated/types.gen.ts';
import { rolesOf } from '../../src/http/request/parameters.ts';
import { loadSpec } from '../../src/http/request/spec.ts';
import { ACCOUNT, run, task, uuid } from '../support/builders.ts';
import { liveEngine } from '../support/queue.ts';
import { keyedOperations, operationOf, send, validRequest } from '../support/requests.ts';
import { NOW, type Service, startService } from '../support/service.ts';

const { document } = loadSpec();
const SETS: Right[][] = [['read'], ['run'], ['write'], ['read', 'run'], ['read', 'run', 'write']];
/** Of each operation and set. */
const REQUESTS = 3;

let service: Service;
const keys = new Map<Right[], string>();

beforeAll(async () => {
  service = await startService('required');
  await service.collections.accounts.insertOne({ _id: ACCOUNT });
  await service.collections.tasks.insertMany([task(1), task(2)]);
  await service.runs.recordRuns(uuid(1), [run(1)]);
  await liveEngine(service.collections);
  for (const may of SETS) {
    keys.set(may, (await service.keys.create({ name: 'some', accountId: ACCOUNT, may }, NOW)).key);
  }
});
afterAll(() => service.close());

/** All that a request could change. */
async function everything() {
  const { tasks, runs, run_queue, idempotency_keys } = service.collections;
  return Promise.all([tasks, runs, run_queue, idempotency_keys].map((one) => one.find().toArray()));
}

test.each(Object.entries(routes))('%s names its role in the spec', (id, { method, path }) => {
  const roles = rolesOf(document, { path, method });
  if (path.startsWith('/health/')) expect(roles).toEqual([]);
  else if (method === 'get') expect(new Set(roles)).toEqual(new Set(['read']));
  else expect({ id, roles: new Set(roles) }).toEqual({ id, roles: new Set([roles[0]]) });
  if (method !== 'get') expect(['run', 'write', 'admin']).toContain(roles[0]);
});

describe.each(keyedOperations)('%s', (_id, { method, path }) => {
  const operation = operationOf(document, method, path);
  const [role = ''] = rolesOf(document, { path, method });

  test.each(SETS.map((may) => [may.join(', '), may] as const))(
    'with a key that may %s',
    async (_may, may) => {
      const headers = { 'x-api-key': keys.get(may) ?? '' };
      const allowed = may.some((right) => right === role);
      const before = await everything();
      for (const request of fc.sample(validRequest(operation), { numRuns: REQUESTS, seed: 7 })) {
        const response = await send(service.request, {
          ...request,
          headers: { ...request.headers, ...headers },
        });
        const { code, error } = await response.json();
        if (allowed) expect(['right_required', 'admin_required']).not.toContain(code);
        else if (role === 'admin') expect([response.status, code]).toEqual([403, 'admin_required']);
        else {
          expect([response.status, code]).toEqual([403, 'right_required']);
          expect(error).toContain(`needs the right "${role}"; this key has "${may.join('", "')}".`);
        }
      }
      if (!allowed) expect(await everything()).toEqual(before);
    },
  );
});

test('a key without rights of its own may do everything in its account', async () => {
  const { key } = await service.keys.create({ name: 'all', accountId: ACCOUNT }, NOW);
  const init = { headers: { 'x-api-key': key, 'Content-Type': 'application/json' } };
  const body = JSON.stringify({ title: 'T', prompt: 'P', schedule: '0 9 * * 4', artist_account_id: ACCOUNT });
  const created = await service.request('/api/tasks', { ...init, method: 'POST', body });
  expect(created.status).toBe(200);
  const { tasks } = await created.json();
  const started = { method: 'POST', body: JSON.stringify({ task_id: tasks[0].id }) };
  expect((await service.request('/api/tasks/runs', { ...init, ...started })).status).toBe(200);
  expect((await service.request('/api/tasks', init)).status).toBe(200);
});
