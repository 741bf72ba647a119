import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ACCOUNT, ARTIST, task, uuid } from '../../support/builders.ts';
import { type Service, startService } from '../../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

async function preview(query: Record<string, string>) {
  const response = await service.request(`/api/schedules/preview?${new URLSearchParams(query)}`);
  return { status: response.status, body: await response.json() };
}

test('explains a schedule in its time zone', async () => {
  const { status, body } = await preview({ schedule: '00 9\t* * thu', timezone: 'america/new_york' });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    status: 'success',
    schedule: '0 9 * * 4',
    timezone: 'America/New_York',
    words: 'At 09:00, only on Thursday',
  });
  expect(body.upcoming).toHaveLength(10);
  expect(body.upcoming[0]).toBe('2026-11-26T14:00:00.000Z');
});

test('shows the fire times that a task with it shows', async () => {
  const schedule = '30 1 */2 11 SUN,MON';
  await service.collections.tasks.insertOne(task(1, { schedule, timezone: 'Australia/Lord_Howe' }));
  const { tasks } = await (await service.request(`/api/tasks?id=${uuid(1)}`)).json();
  const { body } = await preview({ schedule, timezone: 'Australia/Lord_Howe' });
  expect(body.upcoming).toEqual(tasks[0].upcoming);
});

test('reads a schedule in UTC by default', async () => {
  const { body } = await preview({ schedule: '0 9 * * *' });
  expect(body).toMatchObject({ timezone: 'UTC' });
  expect(body.upcoming[0]).toBe('2026-11-24T09:00:00.000Z');
});

describe('replies as createTask', () => {
  test.each([
    [{ schedule: '0 0 30 2 *' }, 'invalid_schedule'],
    [{ schedule: '* * * * * *' }, 'invalid_schedule'],
    [{ schedule: '61 9 * * 4' }, 'invalid_schedule'],
    [{ schedule: '0 9 * * MO' }, 'invalid_schedule'],
    [{ schedule: '0 9 * * 4', timezone: 'BST' }, 'invalid_timezone'],
    [{ schedule: '61 9 * * 4', timezone: 'Europe/Berln' }, 'invalid_timezone'],
  ])('to %j', async (query, code) => {
    const created = await service.request('/api/tasks', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        title: 'T',
        prompt: 'P',
        account_id: ACCOUNT,
        artist_account_id: ARTIST,
        ...query,
      }),
    });
    const { error } = await created.json();
    const { status, body } = await preview(query);
    expect([status, body.code, body.error]).toEqual([created.status, code, error]);
    expect(status).toBe(400);
  });

  test.each([
    [{ schedule: 'daily' }, 'Query parameter "schedule" must be 9 to 200 characters'],
    [{ schedule: `0 9 * * ${'4,'.repeat(100)}4` }, 'Query parameter "schedule" must be 9 to 200 characters'],
    [{ schedule: '0 9 * * 4', timezone: '' }, 'Query parameter "timezone" is empty'],
    [{ timezone: 'UTC' }, 'schedule'],
  ])('with 400 to %j', async (query, problem) => {
    const { status, body } = await preview(query);
    expect([status, body.code]).toEqual([400, 'invalid_parameter']);
    expect(body.error).toContain(problem);
  });
});
