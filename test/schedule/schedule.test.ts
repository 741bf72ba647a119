import { describe, expect, test } from '@jest/globals';
import { FireTimes } from '../../src/schedule/fire-times.ts';
import { UnreadableSchedule, fireTimesAfter } from '../../src/schedule/upcoming.ts';
import { memoryLog } from '../support/service.ts';

/** The first fire times after an instant. */
function upcoming(cron: string, timezone: string, from: Date, count: number): Date[] {
  const times: Date[] = [];
  for (const at of fireTimesAfter(cron, timezone, from)) if (times.push(at) === count) break;
  return times;
}

const iso = (times: Date[]) => times.map((at) => at.toISOString());

describe('fire times', () => {
  // The rule is published in openapi.yaml, Task.upcoming.
  test.each([
    [
      'skipped in New York, as much later',
      '30 2 * * *',
      'America/New_York',
      '2026-03-07T12:00:00Z',
      ['2026-03-08T07:30:00.000Z', '2026-03-09T06:30:00.000Z'],
    ],
    [
      'repeated in New York, once and first',
      '30 1 * * *',
      'America/New_York',
      '2026-10-31T12:00:00Z',
      ['2026-11-01T05:30:00.000Z', '2026-11-02T06:30:00.000Z'],
    ],
    [
      'skipped in Berlin',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-03-28T12:00:00Z',
      ['2026-03-29T01:30:00.000Z', '2026-03-30T00:30:00.000Z'],
    ],
    [
      'skipped at midnight in Cairo',
      '30 0 * * *',
      'Africa/Cairo',
      '2026-04-23T12:00:00Z',
      ['2026-04-23T22:30:00.000Z', '2026-04-24T21:30:00.000Z'],
    ],
    [
      'every hour through the skipped one',
      '0 * * * *',
      'America/New_York',
      '2026-03-08T05:30:00Z',
      ['2026-03-08T06:00:00.000Z', '2026-03-08T07:00:00.000Z'],
    ],
    [
      'every hour through the repeated one',
      '0 * * * *',
      'America/New_York',
      '2026-11-01T04:30:00Z',
      ['2026-11-01T05:00:00.000Z', '2026-11-01T06:00:00.000Z', '2026-11-01T07:00:00.000Z'],
    ],
    [
      'repeated for half an hour on Lord Howe Island',
      '45 1 * * *',
      'Australia/Lord_Howe',
      '2026-04-04T00:00:00Z',
      ['2026-04-04T14:45:00.000Z', '2026-04-05T15:15:00.000Z'],
    ],
    [
      'skipped for half an hour on Lord Howe Island, dropped',
      '15 2 * * *',
      'Australia/Lord_Howe',
      '2026-10-03T00:00:00Z',
      ['2026-10-04T15:15:00.000Z'],
    ],
    [
      'where both day fields are restricted, either',
      '0 0 1 * 1',
      'UTC',
      '2026-11-23T00:00:00Z',
      ['2026-11-30T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    ],
    [
      'in leap years alone',
      '0 0 29 2 *',
      'UTC',
      '2026-01-01T00:00:00Z',
      ['2028-02-29T00:00:00.000Z', '2032-02-29T00:00:00.000Z'],
    ],
    ['after, not at, the instant', '0 9 * * 4', 'UTC', '2026-11-26T09:00:00Z', ['2026-12-03T09:00:00.000Z']],
    [
      'where there is no daylight-saving time',
      '0 9 * * *',
      'Asia/Kolkata',
      '2026-03-08T00:00:00Z',
      ['2026-03-08T03:30:00.000Z'],
    ],
  ])('%s: %s in %s', (_what, cron, timezone, from, expected) => {
    expect(iso(upcoming(cron, timezone, new Date(from), expected.length))).toEqual(expected);
  });

  test.each([
    ['', 'UTC'],
    ['<string>', 'UTC'],
    ['0 9 * *', 'UTC'],
    ['0 0 9 * * 4', 'UTC'],
    ['@daily', 'UTC'],
    ['H 9 * * 4', 'UTC'],
    ['H/5 9 * * 4', 'UTC'],
    ['0 0 30 2 *', 'UTC'],
    ['61 9 * * 4', 'UTC'],
    ['0 9 * * 4', 'Mars/Olympus'],
    ['0 9 * * 4', ''],
    ['0 9 * * 4', 'local'],
    ['0 9 * * 4', 'system'],
    ['0 9 * * 4', 'UTC+2'],
    ['0 9 * * 4', '+02:00'],
  ])('%j in %j cannot be read', (cron, timezone) => {
    expect(() => upcoming(cron, timezone, new Date(0), 1)).toThrow(UnreadableSchedule);
  });

  test('names of days and months can be read, also those with an H', () => {
    expect(iso(upcoming('0 9 * MAR THU', 'UTC', new Date('2026-01-01T00:00:00Z'), 1))).toEqual([
      '2026-03-05T09:00:00.000Z',
    ]);
  });
});

describe('kept fire times', () => {
  const HOUR_MS = 3_600_000;
  /** As a listing asks. */
  const next = async (fireTimes: FireTimes, cron: string, timezone: string, now: Date) =>
    fireTimes.known(cron, timezone, now) ?? fireTimes.compute(cron, timezone, now);

  test.each([
    ['*/30 * * * *', 'America/New_York', 1],
    ['30 1,2 * * *', 'Europe/Berlin', 11],
    ['0 9 * * 4', 'America/Sao_Paulo', 100],
  ])(
    'of %s in %s are those computed anew, while the clock goes on through a change',
    async (cron, timezone, stepHours) => {
      const fireTimes = new FireTimes(memoryLog().log);
      let now = new Date('2026-10-24T00:00:00Z');
      for (let step = 0; step < 240; step += 1) {
        expect(iso(await next(fireTimes, cron, timezone, now))).toEqual(
          iso(upcoming(cron, timezone, now, 10)),
        );
        now = new Date(now.getTime() + stepHours * HOUR_MS);
      }
    },
  );

  test('are right when the clock was set back', async () => {
    const fireTimes = new FireTimes(memoryLog().log);
    await fireTimes.compute('0 9 * * 4', 'UTC', new Date('2026-12-01T00:00:00Z'));
    expect(iso(await next(fireTimes, '0 9 * * 4', 'UTC', new Date('2026-11-23T00:00:00Z')))[0]).toBe(
      '2026-11-26T09:00:00.000Z',
    );
  });

  test('are kept for each time zone by itself', async () => {
    const fireTimes = new FireTimes(memoryLog().log);
    const now = new Date('2026-11-23T00:00:00Z');
    expect(iso(await next(fireTimes, '0 9 * * 4', 'UTC', now))[0]).toBe('2026-11-26T09:00:00.000Z');
    expect(iso(await next(fireTimes, '0 9 * * 4', 'Asia/Tokyo', now))[0]).toBe('2026-11-26T00:00:00.000Z');
  });
});
