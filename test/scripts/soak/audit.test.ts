/** The audit of the soak test (npm run soak) finds nothing where all is right, and whatever was tampered with where not. */
import { Agent } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { auditDatabase } from '../../../scripts/soak/audit.ts';
import type { World } from '../../../scripts/soak/client.ts';
import { type ClientPool, createPool } from '../../../scripts/soak/client-pool.ts';
import { FaultLog } from '../../../scripts/soak/fault-log.ts';
import { Figures } from '../../../scripts/soak/figures.ts';
import { finalAudit } from '../../../scripts/soak/final-audit.ts';
import { Findings } from '../../../scripts/soak/findings.ts';
import { Model } from '../../../scripts/soak/model.ts';
import { Random } from '../../../scripts/soak/random.ts';
import { Reader } from '../../../scripts/soak/reader.ts';
import { RunModel } from '../../../scripts/soak/run-model.ts';
import { Sender } from '../../../scripts/soak/sender.ts';
import type { TaskModel } from '../../../scripts/soak/task-model.ts';
import { VersionWatch } from '../../../scripts/soak/watch.ts';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, run, task } from '../../support/builders.ts';
import { type Service, startService } from '../../support/service.ts';

const STEPS = 40;
const SEED = 20_261_124;
const TWICE = 'run_reported_twice';

const findings = new Findings();
const versions = new VersionWatch(findings);
const agent = new Agent({ keepAlive: true });
let service: Service;
let faults: FaultLog;
let world: World;
let pool: ClientPool;

beforeAll(async () => {
  service = await startService();
  faults = new FaultLog(service.dataDir);
  world = {
    model: new Model(findings),
    instances: [{ name: 'service', agent, url: service.url, targets: ['service'] }],
    sender: new Sender(faults, findings, new Figures()),
    faults,
    accounts: [ACCOUNT, OTHER_ACCOUNT],
    artists: [ARTIST],
  };
  pool = createPool(world, 10, SEED);
  for (let step = 0; step < STEPS; step += 1) {
    await Promise.all(pool.all.map((client) => client.step()));
  }
});
afterAll(async () => {
  agent.destroy();
  faults.stop();
  await service.close();
});

/** What was found since it was asked last. */
const found = () => findings.kept.splice(0).map(({ severity, what }) => `${severity}: ${what}`);
const audit = () =>
  auditDatabase({ model: world.model, collections: service.collections, versions, isRepaired: true });

/** A task that is there, with more runs than it points to, all acknowledged. */
function busyTask(): TaskModel & { id: string } {
  const [busy] = world.model.alive.toSorted((one, other) => other.runs.size - one.runs.size);
  if (!busy || busy.runs.size < 7) throw new Error('No task has runs enough; choose another seed.');
  return busy;
}

let undo: (() => Promise<unknown>) | undefined;
afterEach(async () => {
  await undo?.();
  undo = undefined;
});

/** Changes a document behind the service's back, until the test ends. */
async function tamper(name: 'tasks' | 'runs', _id: string, change: object | 'delete'): Promise<void> {
  const collection = service.db.collection<{ _id: string }>(name);
  const before = await collection.findOne({ _id });
  if (!before) throw new Error(`There is no ${_id} in ${name}.`);
  undo = () => collection.replaceOne({ _id }, before, { upsert: true });
  if (change === 'delete') await collection.deleteOne({ _id });
  else await collection.updateOne({ _id }, { $set: change });
}

test('finds nothing where nothing was broken', async () => {
  expect(world.model.alive.length).toBeGreaterThan(3);
  expect(busyTask().runs.size).toBeGreaterThan(6);
  const [reporter] = pool.reporters;
  if (!reporter) throw new Error('There is no reporter.');
  const { owners } = pool;
  await finalAudit({ world, owners, reporter, collections: service.collections, versions });
  expect(found()).toEqual([]);
});

test('finds a task that is lost, in the database and in a listing', async () => {
  const { id } = busyTask();
  await tamper('tasks', id, 'delete');
  await audit();
  expect(found()).toContain(`lost: task ${id} is not in the database`);
  const reader = new Reader(world, new Random(SEED));
  const [instance] = world.instances;
  if (!instance) throw new Error('There is no instance.');
  await reader.listAll(instance, {});
  expect(found()).toContainEqual(`lost: service /api/tasks does not have task ${id}`);
});

test('finds a run that is lost', async () => {
  const [id = ''] = [...busyTask().runs.keys()];
  await tamper('runs', id, 'delete');
  await audit();
  expect(found()).toContain(`lost: run ${id} is not in the database`);
});

test('finds a task that points to other runs than its last, in the database and in a reply', async () => {
  const busy = busyTask();
  const stored = await service.collections.tasks.findOne({ _id: busy.id });
  // The version too, so that it shows at once.
  await tamper('tasks', busy.id, {
    recent_runs: stored?.recent_runs.slice(1),
    version: Number(stored?.version) + 1,
  });
  await audit();
  expect(found()).toContainEqual(expect.stringMatching(/^wrong: task .* points to run.*, not to run/));
  const [instance] = world.instances;
  if (!instance) throw new Error('There is no instance.');
  await new Reader(world, new Random(SEED)).listAll(instance, {});
  expect(found()).toContainEqual(expect.stringContaining('does not show its run'));
});

test('finds a change that was undone', async () => {
  await tamper('tasks', busyTask().id, { title: 'another' });
  await audit();
  expect(found()).toContainEqual(expect.stringContaining('is stored with title another, not one of'));
});

/** A run that was reported twice, both times with an acknowledgement. */
async function reportTwice(busy: TaskModel & { id: string }): Promise<void> {
  const reports = [run(1, { id: TWICE, status: 'QUEUED', version: 'first' })];
  reports.push(
    run(2, { id: TWICE, status: 'COMPLETED', version: 'second', createdAt: reports[0]?.createdAt }),
  );
  const model = new RunModel(TWICE, reports[0]?.createdAt.toISOString() ?? '');
  world.model.addRun(busy, model);
  for (const report of reports) {
    await service.runs.recordRuns(busy.id, [report]);
    const { version: mark = '', status, updatedAt } = report;
    model.reports.set(mark, {
      mark,
      status,
      updatedAt: updatedAt.toISOString(),
      sentAt: 0,
      ackedAt: undefined,
    });
    model.acknowledge(mark, 1);
  }
}

test('finds a run that mixes two reports, and one that is as an older one left it', async () => {
  await reportTwice(busyTask());
  await audit();
  expect(found()).toEqual([]);
  await tamper('runs', TWICE, { status: 'FROZEN' });
  await audit();
  expect(found()).toContainEqual(expect.stringContaining(`run ${TWICE} mixes reports`));
  await undo?.();
  await tamper('runs', TWICE, { version: 'first', status: 'QUEUED', updatedAt: run(1).updatedAt });
  await audit();
  expect(found()).toContain(`wrong: run ${TWICE} shows first, though second was acknowledged and is newer`);
});

test('finds what nobody asked for', async () => {
  await service.collections.tasks.insertOne(task(1, { prompt: 'of nobody' }));
  undo = () => service.collections.tasks.deleteOne({ prompt: 'of nobody' });
  await audit();
  expect(found()).toContainEqual(expect.stringContaining('was never requested: of nobody'));
  await undo();
  await service.runs.recordRuns(busyTask().id, [run(1, { id: 'run_of_nobody' })]);
  undo = () => service.collections.runs.deleteOne({ _id: 'run_of_nobody' });
  await audit();
  expect(found()).toContain('wrong: run run_of_nobody was never reported');
});

test('finds a creation that was done twice', async () => {
  const stored = await service.collections.tasks.findOne({ _id: busyTask().id });
  if (!stored) throw new Error('The task is not stored.');
  await service.collections.tasks.insertOne({ ...stored, _id: 'another' });
  undo = () => service.collections.tasks.deleteOne({ _id: 'another' });
  await audit();
  expect(found()).toContain(`wrong: ${stored.prompt} is stored 2 times`);
});

test('finds a version that fell, and runs that are filed under another account', async () => {
  const { id } = busyTask();
  await tamper('tasks', id, { version: 1 });
  await audit();
  expect(found()).toContainEqual(expect.stringMatching(`wrong: task ${id} went from version \\d+ to 1`));
  await undo?.();
  const [runId = ''] = [...busyTask().runs.keys()];
  await tamper('runs', runId, { account_id: 'another' });
  await audit();
  expect(found()).toContainEqual(expect.stringContaining(`but its run ${runId} to another`));
});

test('finds a deletion that was undone', async () => {
  const deleted = world.model.tasks.find(({ deleteAckedAt }) => deleteAckedAt < Number.POSITIVE_INFINITY);
  if (!deleted) throw new Error('No task was deleted; choose another seed.');
  const { prompt } = deleted;
  await service.collections.tasks.insertOne(task(2, { prompt }));
  undo = () => service.collections.tasks.deleteOne({ prompt });
  await audit();
  expect(found()).toContainEqual(expect.stringContaining('is stored, though its deletion was acknowledged'));
});
