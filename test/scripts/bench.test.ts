import { describe, expect, it } from '@jest/globals';
import { isMet, spreadOf } from '../../scripts/bench/figures.ts';
import {
  type DatabaseName,
  countDocuments,
  fill,
  historyAccount,
  listedAccounts,
} from '../../scripts/bench/fill.ts';
import { readArguments } from '../../scripts/bench/main.ts';
import { QUICK } from '../../scripts/bench/plan.ts';
import { ReplyReader } from '../../scripts/bench/reply-reader.ts';
import { UsageError } from '../../src/commands/command-line.ts';
import { Settlement } from '../../src/store/settlement.ts';
import { openTestDatabase } from '../support/service.ts';

describe.each<[DatabaseName, number, number]>([
  ['small', 10, 2],
  ['many', 10, 2],
  ['histories', 10, 2],
  ['crons', 20, 0],
  ['shapes', 10, 10],
])("the bench's database %s", (name, listed, histories) => {
  it('is as the service would have written it', async () => {
    const database = await openTestDatabase();
    try {
      let written = 0;
      const onProgress = (documents: number) => (written += documents);
      await fill(database.collections, name, { plan: QUICK, onProgress });
      const tasks = await database.collections.tasks.find().toArray();
      const runs = await database.collections.runs.find().toArray();
      expect(tasks.length + runs.length).toBe(countDocuments(name, QUICK));
      expect(written).toBe(tasks.length + runs.length);
      const settlement = new Settlement(database.collections);
      for (const { _id } of tasks.slice(0, 40)) expect(await settlement.repair(_id)).toBe(false);
      const emails = await database.collections.accounts.find().toArray();
      const known = new Set(emails.map(({ _id }) => _id));
      expect(tasks.filter((task) => !known.has(task.account_id))).toEqual([]);
      const of = (account: string) => tasks.filter(({ account_id }) => account_id === account).length;
      expect(of(listedAccounts(QUICK)[0] ?? '')).toBe(listed);
      if (name !== 'crons') expect(of(historyAccount(QUICK))).toBe(histories);
      if (name === 'crons') expect(new Set(tasks.map(({ schedule }) => schedule)).size).toBe(tasks.length);
    } finally {
      await database.close();
    }
  });
});

describe('readArguments', () => {
  it('takes all parts by default', () => {
    const plan = readArguments([]);
    expect(plan).toMatchObject({ json: undefined, plan: { mode: 'full' } });
    expect(readArguments(['--help'])).toBe('help');
  });

  it('refuses a part that there is not', () => {
    expect(() => readArguments(['--only', 'listing,speed'])).toThrow(UsageError);
    expect(() => readArguments(['--only', 'listing,speed'])).toThrow(/unknown part "speed"/);
  });
});

describe('figures', () => {
  it('are medians with the least and the greatest', () => {
    expect(spreadOf([9, 1, 4])).toEqual({ median: 4, min: 1, max: 9 });
    expect(spreadOf([10, 9, 1, 4])).toEqual({ median: 6.5, min: 1, max: 10 });
  });

  it('are met by the median, at least or at most', () => {
    const row = { part: '', work: '', measure: '', unit: '×' } as const;
    const measured = { median: 2, min: 1, max: 3 };
    expect(isMet({ ...row, target: { least: 2 }, measured })).toBe(true);
    expect(isMet({ ...row, target: { least: 2.1 }, measured })).toBe(false);
    expect(isMet({ ...row, target: { most: 2 }, measured })).toBe(true);
    expect(isMet({ ...row, target: { most: 1.9 }, measured })).toBe(false);
    expect(isMet({ ...row, target: { most: 1 }, measured: undefined })).toBeUndefined();
  });
});

describe('the reader of replies', () => {
  const chunked =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n';
  const replies = [
    ['of a given length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', { status: 200, bytes: 5 }],
    ['in chunks', chunked, { status: 200, bytes: 21 }],
    ['without a body', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', { status: 304, bytes: 0 }],
    ['of no bytes', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', { status: 404, bytes: 0 }],
  ] as const;

  it.each(replies)('takes one %s, wherever it is split, and another after it', (_, text, expected) => {
    const bytes = Buffer.from(text);
    const reader = new ReplyReader();
    for (let at = 1; at < bytes.length; at += 1) {
      expect(reader.read(bytes.subarray(0, at))).toBeUndefined();
      expect(reader.read(bytes.subarray(at))).toEqual(expected);
    }
    for (const byte of bytes.subarray(0, -1)) expect(reader.read(Buffer.of(byte))).toBeUndefined();
    expect(reader.read(bytes.subarray(-1))).toEqual(expected);
  });

  it.each(replies)('refuses what follows one %s', (_, text, _expected) => {
    expect(() => new ReplyReader().read(Buffer.from(`${text}x`))).toThrow(
      'The server sent data after the end of the reply.',
    );
  });

  it.each([
    'HTTP/1.1 200 OK\r\n\r\n',
    'SSH-2.0-OpenSSH_9.6\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n',
  ])('refuses %j', (text) => {
    expect(() => new ReplyReader().read(Buffer.from(text))).toThrow();
  });
});
