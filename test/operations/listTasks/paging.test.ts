import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { listTasks } from '../../../generated/sdk.gen.ts';
import type { ListTasksData } from '../../../generated/types.gen.ts';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, task, uuid } from '../../support/builders.ts';
import { type Service, startService } from '../../support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(() => service.collections.tasks.deleteMany({}));

async function page(query: ListTasksData['query']) {
  const { data, error } = await listTasks({ client: service.client, query });
  if (!data) throw new Error(`The listing failed: ${JSON.stringify(error)}`);
  return { ids: data.tasks.map(({ id }) => id), next: data.next_cursor };
}

/** Reads all pages; between two of them, `meanwhile` may change the tasks. */
async function readAll(
  query: ListTasksData['query'],
  meanwhile: (pageNumber: number) => Promise<unknown> = async () => {},
) {
  const ids: string[] = [];
  let cursor: string | undefined;
  for (let number = 1; number <= 100; number += 1) {
    const read = await page({ ...query, cursor });
    ids.push(...read.ids);
    if (read.next === undefined) return ids;
    cursor = read.next;
    await meanwhile(number);
  }
  throw new Error('A hundred pages did not reach the end.');
}

const insert = (numbers: number[], fields: Parameters<typeof task>[1] = {}) =>
  service.collections.tasks.insertMany(numbers.map((number) => task(number, fields)));
const newestFirst = (numbers: number[]) => numbers.toSorted((a, b) => b - a).map(uuid);

describe('paging', () => {
  test('the pages together are the whole listing in its order, and the last one has no next_cursor', async () => {
    await insert([1, 2, 3, 4, 5, 6, 7]);
    expect(await readAll({ limit: 3 })).toEqual(newestFirst([1, 2, 3, 4, 5, 6, 7]));
    const last = await page({ limit: 7 });
    expect(last).toEqual({ ids: newestFirst([1, 2, 3, 4, 5, 6, 7]), next: undefined });
  });

  test('tasks of the same millisecond are neither lost nor repeated where a page ends among them', async () => {
    await insert([1, 2, 3, 4, 5], { created_at: new Date(0) });
    for (const limit of [1, 2, 3, 4, 5, 6]) {
      expect(await readAll({ limit })).toEqual([1, 2, 3, 4, 5].map(uuid));
    }
  });

  test('a task that exists throughout comes exactly once while others are inserted and deleted', async () => {
    const stay = [10, 20, 30, 40, 50, 60];
    await insert([...stay, 15, 25, 35, 45, 55]);
    const ids = await readAll({ limit: 2 }, async (number) => {
      await insert([70 + number]);
      await service.collections.tasks.deleteOne({ _id: uuid(60 - 5 - (number - 1) * 10) });
      if (number === 1) await insert([12]);
    });
    expect(ids.filter((id) => newestFirst(stay).includes(id))).toEqual(newestFirst(stay));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain(uuid(12));
  });

  test('goes on where the task at the end of a page was deleted', async () => {
    await insert([1, 2, 3, 4]);
    const first = await page({ limit: 2 });
    await service.collections.tasks.deleteOne({ _id: uuid(3) });
    expect(await page({ limit: 2, cursor: first.next })).toEqual({
      ids: newestFirst([2, 1]),
      next: undefined,
    });
  });

  test('the page size may change between pages', async () => {
    await insert([1, 2, 3, 4, 5]);
    const first = await page({ limit: 1 });
    const second = await page({ limit: 1000, cursor: first.next });
    expect([...first.ids, ...second.ids]).toEqual(newestFirst([1, 2, 3, 4, 5]));
  });

  test('keeps to the filters', async () => {
    await insert([1, 3, 5, 7]);
    await insert([2, 4, 6], { account_id: OTHER_ACCOUNT });
    await insert([8], { enabled: false });
    expect(await readAll({ limit: 1, account_id: ACCOUNT, enabled: true })).toEqual(
      newestFirst([1, 3, 5, 7]),
    );
  });

  test('without limit everything comes at once, beyond the largest page', async () => {
    await insert(Array.from({ length: 1_203 }, (_, index) => index));
    const all = await page({});
    expect(all.ids).toHaveLength(1_203);
    expect(all.ids).toEqual(newestFirst(Array.from({ length: 1_203 }, (_, index) => index)));
    expect(all.next).toBeUndefined();
  });
});

describe('a cursor is refused', () => {
  async function refusalOf(query: ListTasksData['query']) {
    const { error, response } = await listTasks({ client: service.client, query });
    return { status: response?.status, code: error?.code, text: error?.error };
  }

  async function cursorOf(query: ListTasksData['query']) {
    await insert([1, 2, 3]);
    const { next } = await page({ limit: 1, ...query });
    if (next === undefined) throw new Error('There was no cursor.');
    return next;
  }

  test('without limit', async () => {
    const refusal = await refusalOf({ cursor: await cursorOf({}) });
    expect(refusal).toMatchObject({ status: 400, code: 'invalid_cursor' });
    expect(refusal.text).toContain('"limit"');
  });

  test('with other filters than it was made with', async () => {
    const cursor = await cursorOf({ account_id: ACCOUNT });
    for (const other of [
      {},
      { account_id: OTHER_ACCOUNT },
      { account_id: ACCOUNT, enabled: true },
      { id: ACCOUNT },
    ]) {
      const refusal = await refusalOf({ limit: 1, cursor, ...other });
      expect(refusal).toMatchObject({ status: 400, code: 'invalid_cursor' });
      expect(refusal.text).toContain('other filters');
    }
  });

  test.each([
    ['id', { id: uuid(2) }],
    ['account_id', { account_id: ACCOUNT }],
    ['artist_account_id', { artist_account_id: ARTIST }],
    ['enabled', { enabled: false }],
  ])('when %s, alone, was added since', async (_name, filter) => {
    const refusal = await refusalOf({ limit: 1, cursor: await cursorOf({}), ...filter });
    expect(refusal.text).toContain('other filters');
  });

  test('of another format, even with the same filters', async () => {
    const content = JSON.parse(Buffer.from(await cursorOf({}), 'base64url').toString());
    const cursor = Buffer.from(JSON.stringify([2, ...content.slice(1)])).toString('base64url');
    expect((await refusalOf({ limit: 1, cursor })).text).toContain('"cursor" is invalid');
  });

  test('when it was changed, cut, or made by somebody else', async () => {
    const cursor = await cursorOf({});
    const content = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const broken = [
      cursor.slice(0, -2),
      `${cursor}A`,
      'not-a-cursor',
      encode({}),
      encode(null),
      encode([]),
      encode([2, ...content.slice(1)]),
      encode([...content.slice(0, 2), '2026', content[3]]),
      encode([...content.slice(0, 2), 1e300, content[3]]),
      encode([...content.slice(0, 3), { $gt: '' }]),
      encode([...content, 'more']),
    ];
    for (const wrong of broken) {
      expect(await refusalOf({ limit: 1, cursor: wrong })).toMatchObject({
        status: 400,
        code: 'invalid_cursor',
      });
    }
  });
});
