/** Whether the audit of the engine finds what is wrong, in documents as an engine would have left them. */
import { Agent } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { engineAudit } from '../../../scripts/soak/engine-audit.ts';
import { FaultLog } from '../../../scripts/soak/fault-log.ts';
import { Figures } from '../../../scripts/soak/figures.ts';
import { Findings } from '../../../scripts/soak/findings.ts';
import { Model } from '../../../scripts/soak/model.ts';
import { Random } from '../../../scripts/soak/random.ts';
import { type FollowedWork, Receiver } from '../../../scripts/soak/receiver.ts';
import { Sender } from '../../../scripts/soak/sender.ts';
import { Starter } from '../../../scripts/soak/starter.ts';
import { VersionWatch } from '../../../scripts/soak/watch.ts';
import type { OccurrenceDocument } from '../../../src/store/occurrence-document.ts';
import type { RunDocument } from '../../../src/store/run-document.ts';
import { ACCOUNT, task } from '../../support/builders.ts';
import { type Service, startService } from '../../support/service.ts';

const MINUTE_MS = 60_000;
const TASK = task(1);

let service: Service;
let faults: FaultLog;

beforeAll(async () => {
  service = await startService();
  faults = new FaultLog(service.dataDir);
});
afterAll(async () => {
  faults.stop();
  await service.close();
});

/** The last full minute before a test began. */
let lastMinute: number;
/** The minutes before and after it. */
const minute = (ago: number) => new Date(lastMinute - ago * MINUTE_MS);

function runOf(_id: string, type: 'scheduled' | 'manual'): RunDocument {
  const at = minute(2);
  return {
    _id,
    task_id: TASK._id,
    account_id: ACCOUNT,
    fence: 1,
    status: 'COMPLETED',
    taskIdentifier: 'recoup-task',
    createdAt: at,
    updatedAt: at,
    startedAt: at,
    finishedAt: at,
    payload: { type },
  };
}

function occurrence(ago: number, more: Partial<OccurrenceDocument>): OccurrenceDocument {
  const scheduled_at = minute(ago);
  return {
    _id: `${TASK._id} ${scheduled_at.toISOString()}`,
    task_id: TASK._id,
    account_id: ACCOUNT,
    scheduled_at,
    outcome: 'skipped',
    expires_at: new Date(Date.now() + 60 * MINUTE_MS),
    ...more,
  };
}

/** A run that fired, one that was asked for, a skip, and two misses in one record. */
beforeEach(async () => {
  lastMinute = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  const { tasks, runs, occurrences } = service.collections;
  await Promise.all([tasks.deleteMany({}), runs.deleteMany({}), occurrences.deleteMany({})]);
  const fired = runOf('run_fired', 'scheduled');
  const manual = runOf('run_manual', 'manual');
  const recent_runs = [manual, fired].map(({ _id, createdAt }) => ({ id: _id, createdAt }));
  await tasks.insertOne({ ...TASK, created_at: new Date(minute(4).getTime() - 1), recent_runs, version: 1 });
  await runs.insertMany([fired, manual]);
  await occurrences.insertMany([
    occurrence(4, { outcome: 'missed', last_scheduled_at: minute(3), count: 2 }),
    occurrence(2, { outcome: 'fired', run_id: 'run_fired' }),
    occurrence(1, {}),
    occurrence(0, {}),
    // A minute may pass while the test runs.
    occurrence(-1, {}),
  ]);
});

/** What the audit finds; each run was delivered once, unless a test says otherwise. */
async function found(
  deliveries: Record<string, number[]> = {},
  work?: Partial<FollowedWork>,
  canceled: string[] = [],
): Promise<string[]> {
  const findings = new Findings();
  const world = {
    model: new Model(findings),
    instances: [{ name: 'service', agent: new Agent(), url: service.url, targets: ['service', 'database'] }],
    sender: new Sender(faults, findings, new Figures()),
    faults,
    accounts: [ACCOUNT],
    artists: [],
  };
  const starter = new Starter('s', world, new Random(1));
  starter.runs.push({ key: 'key', taskId: TASK._id, id: 'run_manual' });
  const receiver = new Receiver(new Random(1));
  for (const [id, attempts] of Object.entries({ run_fired: [1], run_manual: [1], ...deliveries }))
    receiver.deliveries.set(
      id,
      attempts.map((attempt, at) => ({ attempt, at })),
    );
  // The first delivery of this run is answered with 202.
  const [followed] = receiver.deliveries.get('run_manual') ?? [];
  if (followed && work) followed.work = { endsAt: 0, polls: [1], isReported: true, ...work };
  for (const id of canceled) starter.canceled.add(id);
  const { collections } = service;
  const versions = new VersionWatch(findings);
  await engineAudit({ world, starters: [starter], receiver, collections, versions });
  return findings.kept.map(({ severity, what }) => `${severity}: ${what}`);
}

test('finds nothing where each fire time is a run, a skip or a miss', async () => {
  expect(await found()).toEqual([]);
});

test('finds a fire time that is lost, and one that was decided twice', async () => {
  const { occurrences } = service.collections;
  await occurrences.deleteOne({ _id: occurrence(1, {})._id });
  expect(await found()).toEqual([
    `lost: task ${TASK._id} has no record of the fire time ${minute(1).toISOString()}`,
  ]);
  await occurrences.insertMany([occurrence(1, {}), occurrence(3, {})]);
  expect(await found()).toEqual([
    `wrong: task ${TASK._id} has 2 records of the fire time ${minute(3).toISOString()}`,
  ]);
});

test('finds runs that are lost, and one that no fire time made', async () => {
  const { runs, tasks } = service.collections;
  await runs.deleteMany({});
  await tasks.updateOne({ _id: TASK._id }, { $set: { recent_runs: [] } });
  expect(await found()).toEqual([
    `lost: task ${TASK._id} fired, but its run run_fired is not stored`,
    'lost: run run_manual, requested with the key key, is not stored',
  ]);
  await runs.insertMany([runOf('run_manual', 'manual'), runOf('run_other', 'scheduled')]);
  expect(await found({ run_other: [1] })).toContain(
    `wrong: task ${TASK._id} has a scheduled run run_other that no occurrence names`,
  );
});

test('finds pointers to other runs than the last', async () => {
  await service.collections.tasks.updateOne({ _id: TASK._id }, { $set: { recent_runs: [] } });
  expect(await found()).toEqual([expect.stringContaining('points to , not to run_manual')]);
});

test('finds deliveries that should not have been, and one that is missing', async () => {
  expect(await found({ run_fired: [1, 1] })).toEqual([
    'wrong: run run_fired was delivered twice in one attempt: 1,1',
    'wrong: run run_fired was delivered 2 times, but its limit is 1',
    'wrong: run run_fired was delivered again, though no fault occurred',
  ]);
  expect(await found({ run_fired: [] })).toEqual([
    'wrong: run run_fired is COMPLETED, and was never delivered',
  ]);
  await service.collections.tasks.updateOne({ _id: TASK._id }, { $set: { max_attempts: 2 } });
  expect(await found({ run_fired: [1, 2] })).toEqual([
    'wrong: run run_fired was delivered again, though no fault occurred',
  ]);
});

test('finds followed work whose end did not become the end of its run', async () => {
  const { runs } = service.collections;
  expect(await found({}, {})).toEqual([]);
  expect(await found({}, { isReported: false })).toEqual([
    'wrong: run run_manual is COMPLETED, but its receiver has not reported that',
  ]);
  await runs.updateOne({ _id: 'run_manual' }, { $set: { status: 'CANCELED' } });
  expect(await found({}, {}, ['run_manual'])).toEqual([]);
  expect(await found({}, {})).toEqual([
    'wrong: run run_manual is CANCELED, though its work was being followed',
  ]);
  await runs.updateOne({ _id: 'run_manual' }, { $set: { status: 'CRASHED' } });
  // Its location may never have been stored.
  expect(await found({}, { polls: [] })).toEqual([]);
  expect(await found({ run_manual: [1, 2] }, {})).toContain(
    'wrong: run run_manual was delivered again, though its work was being followed',
  );
});
