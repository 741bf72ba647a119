import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { repair } from '../../src/store/repair.ts';
import { ACCOUNT, OTHER_ACCOUNT, run, task, uuid } from '../support/builders.ts';
import { killAll, runCommand, runService } from '../support/process.ts';
import { type Service, startService } from '../support/service.ts';
import { countOf } from '../support/count.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(async () => {
  killAll();
  await service.close();
});
beforeEach(async () => {
  await Promise.all([service.collections.tasks.deleteMany({}), service.collections.runs.deleteMany({})]);
});

const document = (number: number, taskNumber: number) => {
  const { id, ...fields } = run(number);
  return { ...fields, _id: id, task_id: uuid(taskNumber), account_id: ACCOUNT };
};

test('a repair rebuilds pointers from the history, and files runs under the accounts of their tasks', async () => {
  const { tasks, runs } = service.collections;
  await tasks.insertMany(Array.from({ length: 30 }, (_, at) => task(at)));
  const gone = { id: 'run_gone', createdAt: new Date() };
  await tasks.updateOne({ _id: uuid(2) }, { $set: { recent_runs: [gone] } });
  await tasks.updateOne({ _id: uuid(3) }, { $set: { account_id: OTHER_ACCOUNT } });
  await tasks.updateOne({ _id: uuid(4) }, { $unset: { recent_runs: 1 } });
  await runs.insertMany([
    ...[1, 2, 3, 4, 5, 6, 7].map((number) => document(number, 1)),
    document(10, 2),
    document(11, 3),
    { ...document(12, 4), account_id: undefined },
    document(13, 4),
  ]);
  await service.runs.recordRuns(uuid(5), [run(20)]);
  // Right but for its account.
  await service.runs.recordRuns(uuid(7), [run(30)]);
  await runs.updateOne({ _id: run(30).id }, { $set: { account_id: OTHER_ACCOUNT } });
  const untouched = await tasks
    .find({ _id: { $gte: uuid(8) } })
    .sort({ _id: 1 })
    .toArray();

  expect(await repair(service.collections)).toEqual({ tasks: 30, repaired: 4, reassigned: 3 });
  const idsOf = async (number: number) =>
    (await tasks.findOne({ _id: uuid(number) }))?.recent_runs.map(({ id }) => id);
  expect(await idsOf(1)).toEqual([7, 6, 5, 4, 3].map((number) => run(number).id));
  expect(await idsOf(2)).toEqual([run(10).id]);
  expect(await idsOf(4)).toEqual([run(13).id, run(12).id]);
  expect(await countOf(runs, { account_id: ACCOUNT })).toBe(12);
  expect((await runs.findOne({ _id: run(11).id }))?.account_id).toBe(OTHER_ACCOUNT);
  expect(
    await tasks
      .find({ _id: { $gte: uuid(8) } })
      .sort({ _id: 1 })
      .toArray(),
  ).toEqual(untouched);
  expect(await repair(service.collections)).toEqual({ tasks: 30, repaired: 0, reassigned: 0 });
});

test('npm run repair works beside a service, and says what it did', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'recoup-repair-'));
  const running = await runService({ DATA_DIR: dataDir });
  expect(await runCommand('repair', { DATA_DIR: dataDir }).ended).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /Checked 13 tasks, repaired 0, and assigned 0 runs to the accounts of their tasks in \d+\.\d s\.\n$/,
    ),
  });
  const refused = await runCommand('repair', { DATA_DIR: dataDir }, ['all']).ended;
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('This command has no arguments; remove "all".'),
  });
  running.kill('SIGTERM');
  await running.ended;
  await rm(dataDir, { recursive: true });
});
