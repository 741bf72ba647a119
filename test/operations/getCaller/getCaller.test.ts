import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ACCOUNT } from '../../support/builders.ts';
import { liveEngine } from '../../support/queue.ts';
import { NOW, type Service, startService } from '../../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService('required');
});
afterAll(() => service.close());

async function callerOf(key: string) {
  const response = await service.request('/api/caller', { headers: { 'x-api-key': key } });
  return response.json();
}

test('shows the account of a key and its rights, in one order', async () => {
  const all = await service.keys.create({ name: 'all', accountId: ACCOUNT }, NOW);
  const some = await service.keys.create({ name: 'some', accountId: ACCOUNT, may: ['run', 'read'] }, NOW);
  const account = { status: 'success', account_id: ACCOUNT };
  expect(await callerOf(all.key)).toMatchObject({ ...account, may: ['read', 'run', 'write'] });
  expect(await callerOf(some.key)).toMatchObject({ ...account, may: ['read', 'run'] });
});

test('shows an admin with all rights, and the kind of engine while it is live', async () => {
  const { key } = await service.keys.create({ name: 'admin', scope: 'admin' }, NOW);
  const admin = { status: 'success', account_id: null, may: ['read', 'run', 'write'] };
  expect(await callerOf(key)).toEqual({ ...admin, engine: null });
  await liveEngine(service.collections);
  expect(await callerOf(key)).toEqual({ ...admin, engine: 'command' });
  await liveEngine(service.collections, new Date(NOW.getTime() - 61_000));
  expect(await callerOf(key)).toEqual({ ...admin, engine: null });
});

test('shows everybody as an admin where there are no credentials', async () => {
  const open = await startService('none');
  const response = await open.request('/api/caller');
  expect(await response.json()).toMatchObject({ account_id: null, may: ['read', 'run', 'write'] });
  await open.close();
});
