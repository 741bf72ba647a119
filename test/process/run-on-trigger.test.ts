/** The service as a process that has Trigger.dev execute its tasks. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals';
import { createClient } from '../../generated/client/index.ts';
import { createTask, getReadiness, listRuns } from '../../generated/sdk.gen.ts';
import { ACCOUNT, ARTIST } from '../support/builders.ts';
import { checkedFetch } from '../support/contract.ts';
import { endedInTime, killAll, runService } from '../support/process.ts';
import { openTestDatabase } from '../support/service.ts';
import { KEY, TASK, TriggerStub } from '../engine/trigger/support/stub.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
let stub: TriggerStub;
beforeEach(async () => {
  database = await openTestDatabase();
  stub = new TriggerStub();
  await stub.listen();
});
afterEach(async () => {
  killAll();
  await stub.close();
  await database.close();
});
afterAll(killAll);

/** Resolves to what a function returns, once it returns something. */
async function eventually<Value>(find: () => Promise<Value | undefined> | Value | undefined): Promise<Value> {
  for (;;) {
    const found = await find();
    if (found !== undefined) return found;
    await pause(50);
  }
}

test('a process with TRIGGER_TASK schedules a task, brings its run home, and ends on SIGTERM', async () => {
  const service = await runService({
    MONGODB_URI: database.uri,
    MONGODB_DATABASE: database.name,
    TRIGGER_TASK: TASK,
    TRIGGER_SECRET_KEY: KEY,
    TRIGGER_API_URL: stub.url,
  });
  const client = createClient({ baseUrl: service.url, fetch: checkedFetch });
  const always = { client, throwOnError: true } as const;
  const { data } = await createTask({
    ...always,
    body: {
      title: 'Captions',
      prompt: 'Write a caption.',
      schedule: '0 9 * * 4',
      account_id: ACCOUNT,
      artist_account_id: ARTIST,
    },
  });
  const task_id = data.tasks[0]?.id ?? '';
  const schedule = await eventually(() =>
    [...stub.schedules.values()].find(({ externalId }) => externalId === task_id),
  );
  expect((await getReadiness(always)).data.engine).toEqual({ kind: 'trigger', state: 'active' });
  const { id } = stub.fire(schedule.id, { status: 'COMPLETED', output: 'Done' });
  const run = await eventually(async () => {
    const { data: found } = await listRuns({ client, query: { runId: id } });
    return found?.runs.find(({ output }) => output !== undefined);
  });
  expect(run).toMatchObject({ id, task_id, status: 'COMPLETED', output: 'Done' });
  expect(await endedInTime(service)).toMatchObject({ code: 0, stderr: '' });
});
