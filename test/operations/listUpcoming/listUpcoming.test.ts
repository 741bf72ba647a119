import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { listUpcoming } from '../../../src/operations/listUpcoming.ts';
import { Upcoming } from '../../../src/operations/upcoming.ts';
import type { TaskDocument } from '../../../src/store/task-document.ts';
import type { TaskFilter } from '../../../src/store/task-store.ts';
import { ACCOUNT, OTHER_ACCOUNT, task, uuid } from '../../support/builders.ts';
import { NOW, type Service, startService } from '../../support/service.ts';

const DAY_MS = 86_400_000;
const later = (ms: number) => new Date(NOW.getTime() + ms).toISOString();

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterEach(async () => {
  await service.collections.tasks.deleteMany({});
});
afterAll(() => service.close());

async function insert(...tasks: TaskDocument[]) {
  await service.collections.tasks.insertMany(tasks);
}

async function ask(query: Record<string, string> = {}) {
  const response = await service.request(`/api/tasks/upcoming?${new URLSearchParams(query)}`);
  return { status: response.status, body: await response.json() };
}

async function list(query: Record<string, string> = {}) {
  const { status, body } = await ask(query);
  expect(status).toBe(200);
  const upcoming: { task_id: string; at: string }[] = body.upcoming;
  return { upcoming, truncated: body.truncated };
}

test('has the fire times of all tasks in chronological order, ties by task', async () => {
  await insert(
    task(3, { schedule: '0 9 * * *' }),
    task(1, { schedule: '0 9 * * *' }),
    task(2, { schedule: '0 8,9 24,25 * *', timezone: 'UTC' }),
  );
  const { upcoming, truncated } = await list({ to: '2026-11-25T09:00:00Z' });
  expect(truncated).toBe(false);
  expect(upcoming).toEqual([
    { task_id: uuid(2), at: '2026-11-24T08:00:00.000Z' },
    { task_id: uuid(1), at: '2026-11-24T09:00:00.000Z' },
    { task_id: uuid(2), at: '2026-11-24T09:00:00.000Z' },
    { task_id: uuid(3), at: '2026-11-24T09:00:00.000Z' },
    { task_id: uuid(2), at: '2026-11-25T08:00:00.000Z' },
  ]);
});

test('begins with the fire times that each task shows', async () => {
  const zones = ['America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', null];
  const schedules = ['*/30 * * * *', '0 */3 * * 1-5', '15 2 */2 * SUN', '30 1 * * *'];
  await insert(
    ...zones.flatMap((timezone, zone) =>
      schedules.map((schedule, at) => task(10 * zone + at, { schedule, timezone })),
    ),
  );
  const { tasks } = await (await service.request('/api/tasks')).json();
  const { upcoming, truncated } = await list({ to: later(31 * DAY_MS) });
  expect(truncated).toBe(false);
  expect(tasks).toHaveLength(16);
  for (const { id, upcoming: shown } of tasks) {
    const times = upcoming.filter(({ task_id }) => task_id === id).map(({ at }) => at);
    const inRange = shown.filter((at: string) => at < later(31 * DAY_MS));
    expect([id, times.slice(0, inRange.length)]).toEqual([id, inRange]);
  }
});

describe('the range', () => {
  test('is the next seven days by default, and begins with the time of the request', async () => {
    await insert(task(1, { schedule: '0 12 * * *' }));
    const days = (await list()).upcoming.map(({ at }) => at);
    // NOW is a fire time. Like Task.upcoming, the reply leaves it out.
    expect(days).toEqual(Array.from({ length: 7 }, (_, day) => later((day + 1) * DAY_MS)));
    expect((await list({ from: '2026-01-01T00:00:00Z' })).upcoming.map(({ at }) => at)).toEqual(days);
  });

  test('has its start and not its end, to the nanosecond', async () => {
    await insert(task(1, { schedule: '0 12 * * *' }));
    const [from, to] = ['2026-11-25T12:00:00', '2026-11-26T12:00:00'];
    const times = async (start: string, end: string) =>
      (await list({ from: start, to: end })).upcoming.map(({ at }) => at.slice(0, 19));
    expect(await times(`${from}Z`, `${to}Z`)).toEqual([from]);
    expect(await times(`${from}.0001Z`, `${to}.0001Z`)).toEqual([to]);
    expect(await times(`${from}.000Z`, '2026-11-26T13:00:00.000+01:00')).toEqual([from]);
  });

  test('of seven days follows a start that is named', async () => {
    await insert(task(1, { schedule: '0 12 * * *' }));
    const { upcoming } = await list({ from: later(30 * DAY_MS) });
    expect(upcoming.map(({ at }) => at)).toEqual(
      Array.from({ length: 7 }, (_, day) => later((30 + day) * DAY_MS)),
    );
  });

  test('of more than 31 days is cut', async () => {
    await insert(task(1, { schedule: '0 12 * * *' }));
    const from = later(DAY_MS);
    const whole = await list({ from, to: later(32 * DAY_MS) });
    expect([whole.upcoming.length, whole.truncated]).toEqual([31, false]);
    const cut = await list({ from, to: later(32 * DAY_MS + 1) });
    expect(cut).toEqual({ ...whole, truncated: true });
  });

  test('that ends before it starts has none', async () => {
    await insert(task(1, { schedule: '* * * * *' }));
    const none = { upcoming: [], truncated: false };
    expect(await list({ from: later(DAY_MS), to: later(DAY_MS) })).toEqual(none);
    expect(await list({ to: later(-DAY_MS) })).toEqual(none);
  });
});

test('more than 10,000 fire times are cut to the first, in chronological order and by task', async () => {
  await insert(
    ...Array.from({ length: 7 }, (_, number) => task(number, { schedule: '* * * * *' })),
    task(8, { schedule: '0 0 * * *' }),
  );
  const { upcoming, truncated } = await list();
  expect([upcoming.length, truncated]).toEqual([10_000, true]);
  const isAscending = upcoming.every((fire, at) => {
    const before = upcoming[at - 1];
    return !before || before.at < fire.at || (before.at === fire.at && before.task_id < fire.task_id);
  });
  expect(isAscending).toBe(true);
  // Nothing is missing before the last instant.
  const last = upcoming.at(-1)?.at ?? '';
  const minutes = (Date.parse(last) - NOW.getTime()) / 60_000;
  expect(upcoming.filter(({ at }) => at < last)).toHaveLength(7 * (minutes - 1) + 1);
  // The next reply begins with the last instant.
  const next = await list({ from: last });
  expect(next.upcoming.slice(0, 7).map(({ at }) => at)).toEqual(Array(7).fill(last));
});

test('exactly 10,000 fire times are not cut', async () => {
  await insert(task(1, { schedule: '* * * * *' }));
  const to = later(10_001 * 60_000);
  expect(await list({ to })).toMatchObject({ truncated: false, upcoming: { length: 10_000 } });
});

test('disabled tasks and tasks whose schedule or time zone cannot be read have none', async () => {
  await insert(
    task(1, { enabled: false }),
    task(2, { schedule: 'hourly' }),
    task(3, { timezone: 'Nowhere' }),
    task(4, { enabled: null }),
  );
  const { upcoming } = await list();
  expect(upcoming.map(({ task_id }) => task_id)).toEqual([uuid(4)]);
  expect(await list({ enabled: 'false' })).toEqual({ upcoming: [], truncated: false });
  expect((await list({ enabled: 'true' })).upcoming).toEqual(upcoming);
});

test('filters are those of listTasks', async () => {
  const artist_account_id = uuid(77);
  await insert(
    task(1, { artist_account_id }),
    task(2),
    task(3, { account_id: OTHER_ACCOUNT, artist_account_id }),
  );
  const idsWith = async (query: Record<string, string>) =>
    (await list(query)).upcoming.map(({ task_id }) => task_id);
  expect(await idsWith({})).toEqual([uuid(1), uuid(2), uuid(3)]);
  expect(await idsWith({ account_id: ACCOUNT.toUpperCase() })).toEqual([uuid(1), uuid(2)]);
  expect(await idsWith({ artist_account_id })).toEqual([uuid(1), uuid(3)]);
  expect(await idsWith({ artist_account_id, account_id: OTHER_ACCOUNT })).toEqual([uuid(3)]);
  expect(await idsWith({ id: uuid(2) })).toEqual([uuid(2)]);
  expect(await idsWith({ id: uuid(9) })).toEqual([]);
});

test('an error has the empty array of the path', async () => {
  const { status, body } = await ask({ from: 'tomorrow' });
  expect([status, body.code, body.upcoming]).toEqual([400, 'invalid_parameter', []]);
});

test('tasks are read page by page', async () => {
  const yearly = Array.from({ length: 500 }, (_, number) => task(number, { schedule: '0 0 1 1 *' }));
  await insert(...yearly, task(500, { schedule: '0 0 24 11 *' }));
  // The oldest is on the last page.
  await service.collections.tasks.updateOne({ _id: uuid(0) }, { $set: { schedule: '0 0 24 11 *' } });
  const at = '2026-11-24T00:00:00.000Z';
  expect((await list()).upcoming).toEqual([
    { task_id: uuid(0), at },
    { task_id: uuid(500), at },
  ]);
});

test('more than 10,000 tasks are refused', async () => {
  const listOf = (count: number) => {
    const tasks = {
      async *schedules(_filter: TaskFilter, size: number) {
        for (let at = 0; at < count; at += size) {
          yield Array.from({ length: Math.min(size, count - at) }, (_, number) => task(at + number));
        }
      },
    };
    const upcoming = new Upcoming({ warn: () => {} });
    const handler = listUpcoming({ tasks, upcoming, now: () => NOW });
    return handler({ query: {} }, { scope: 'admin', caller: 'a' });
  };
  expect(await listOf(10_000)).toMatchObject({ body: { truncated: false, upcoming: { length: 10_000 } } });
  await expect(listOf(10_001)).rejects.toMatchObject({ code: 'too_many_tasks', status: 400 });
});
