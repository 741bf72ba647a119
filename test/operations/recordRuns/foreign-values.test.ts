/** Another tool wrote values of a wrong type into the fields by which the service notices changes. */
import { BSONRegExp, Double, Long, ObjectId } from 'bson';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { listTasks, recordRuns, updateTask } from '../../../generated/sdk.gen.ts';
import { repair } from '../../../src/store/repair.ts';
import { ACCOUNT, run, task, uuid } from '../../support/builders.ts';
import { NOW, type Service, startService } from '../../support/service.ts';

type Stored = Record<string, unknown> & { _id: string };

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  await Promise.all([service.collections.tasks.deleteMany({}), service.collections.runs.deleteMany({})]);
});

const MISSING = Symbol('missing');
const VALUES: [string, unknown][] = [
  ['null', null],
  ['a text', '3'],
  ['missing', MISSING],
  ['negative', -5],
  ['a double', 1.5],
  ['a double too large to add 1 to', new Double(1e300)],
  ['not a number', Number.NaN],
  ['the largest integer', Long.MAX_VALUE],
  ['a boolean', true],
  ['a date', new Date(0)],
  ['an array', [1]],
  ['an empty array', []],
  ['an array of null', [null]],
  ['a document', { a: 1 }],
  ['a regular expression', new BSONRegExp('a')],
];
const FIELDS = ['version', 'runs_version', 'recording', 'recent_runs', 'changes', 'deletion'];
/** The embedded engine refuses these values in a field that an index or a filter names. */
const REFUSED: Partial<Record<string, RegExp>> = {
  version: /array|largest|expression/,
  changes: /largest|expression/,
  deletion: /largest|expression/,
};
const CASES = FIELDS.flatMap((field) =>
  VALUES.filter(([what]) => !REFUSED[field]?.test(what)).map(([what, value]) => ({
    field,
    what,
    value,
  })),
);

/** Stores a task with such a value in one field, and a second task without. */
async function store(field: string, value: unknown): Promise<void> {
  const { [field]: _right, ...others }: Record<string, unknown> = { runs_version: 1, ...task(1) };
  const stored = value === MISSING ? others : { ...others, [field]: value };
  await service.db.collection<Stored>('tasks').insertOne({ ...stored, _id: uuid(1) });
  await service.collections.tasks.insertOne(task(2));
}

const storedTask = () => service.collections.tasks.findOne({ _id: uuid(1) });
const report = (number: number) => {
  const { id, status, taskIdentifier } = run(number);
  const at = run(number).createdAt.toISOString();
  return { id, status, taskIdentifier, createdAt: at, updatedAt: at };
};
const idsOf = async () => (await storedTask())?.recent_runs.map(({ id }) => id);

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0;

describe.each(CASES)('$field is $what', ({ field, value }) => {
  beforeEach(() => store(field, value));

  test('and a report is recorded, which corrects it', async () => {
    for (const number of [1, 2]) {
      const body = { task_id: uuid(1), runs: [report(number)] };
      expect((await recordRuns({ client: service.client, body })).error).toBeUndefined();
    }
    expect(await idsOf()).toEqual([run(2).id, run(1).id]);
    const { version, runs_version, recording } = (await storedTask()) ?? {};
    expect([isCount(version), isCount(runs_version), recording]).toEqual([true, true, []]);
  });

  test('and the task can be changed, which increments its version', async () => {
    for (const title of ['first', 'second']) {
      const before = (await storedTask())?.version;
      const changed = await updateTask({ client: service.client, body: { id: uuid(1), title } });
      expect(changed.data?.tasks[0]?.title).toBe(title);
      const { data } = await listTasks({ client: service.client });
      expect(data?.tasks.map((shown) => shown.title)).toEqual(['Task 2', title]);
      expect((await storedTask())?.version).not.toEqual(before);
    }
    expect(isCount((await storedTask())?.version)).toBe(true);
  });

  test('and the task can be deleted, once', async () => {
    expect(await service.tasks.delete({ id: uuid(1) }, NOW)).toBe(true);
    expect(await service.tasks.delete({ id: uuid(1) }, NOW)).toBe(false);
    expect(await storedTask()).toBeNull();
  });

  test('and a repair corrects it', async () => {
    await repair(service.collections);
    expect((await repair(service.collections)).repaired).toBe(0);
    await service.runs.recordRuns(uuid(1), [run(1)]);
    expect(await idsOf()).toEqual([run(1).id]);
  });
});

test('concurrent reports of a task whose counts are wrong are all recorded', async () => {
  await store('runs_version', null);
  await service.db.collection('tasks').updateMany({}, { $set: { version: 'x', recording: 7 } });
  const numbers = Array.from({ length: 12 }, (_, at) => at + 1);
  await Promise.all(numbers.map((number) => service.runs.recordRuns(uuid(1), [run(number)])));
  expect(await idsOf()).toEqual([12, 11, 10, 9, 8].map((number) => run(number).id));
});

test('a mark from the future, which no report set, is removed', async () => {
  await store('recording', [ObjectId.createFromTime(0xff_ff_ff_ff), 'x']);
  await service.runs.recordRuns(uuid(1), [run(1)]);
  expect((await storedTask())?.recording).toEqual([]);
});

describe('a run', () => {
  const insert = (updatedAt: unknown, status = 'EXECUTING') => {
    const { id, updatedAt: _right, ...others } = run(1);
    const stored = { ...others, _id: id, status, task_id: uuid(1), account_id: ACCOUNT };
    return service.db
      .collection<Stored>('runs')
      .insertOne(updatedAt === MISSING ? stored : { ...stored, updatedAt });
  };
  beforeEach(() => service.collections.tasks.insertOne(task(1)));

  test.each([
    ['null', null],
    ['missing', MISSING],
    ['a text', '2026-06-01T00:00:00Z'],
    ['a number', 1],
    ['a date', new Date(0)],
  ])('whose updatedAt is %s takes a report', async (_what, updatedAt) => {
    await insert(updatedAt);
    await service.runs.recordRuns(uuid(1), [run(1, { output: 'new' })]);
    const stored = await service.collections.runs.findOne({ _id: run(1).id });
    expect(stored).toMatchObject({ output: 'new', updatedAt: run(1).updatedAt });
  });

  test('whose updatedAt is null does not leave its final status', async () => {
    await insert(null, 'FAILED');
    await service.runs.recordRuns(uuid(1), [run(1)]);
    expect((await service.collections.runs.findOne({ _id: run(1).id }))?.status).toBe('FAILED');
  });
});
