import { describe, expect, test } from '@jest/globals';
import { InvalidSchedule, parseSchedule } from '../../src/schedule/cron.ts';
import { fireTimes } from '../../src/schedule/fire-times.ts';

/** The first fire times after an instant. */
function upcoming(cron: string, timezone: string, from: Date, count: number): string[] {
  const times: string[] = [];
  for (const at of fireTimes(parseSchedule(cron), timezone, from.getTime())) {
    if (times.push(new Date(at).toISOString()) === count) break;
  }
  return times;
}

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
      'skipped for half an hour on Lord Howe Island, as much later',
      '15 2 * * *',
      'Australia/Lord_Howe',
      '2026-10-03T00:00:00Z',
      ['2026-10-03T15:45:00.000Z', '2026-10-04T15:15:00.000Z'],
    ],
    [
      'skipped for half an hour, every hour',
      '15 * * * *',
      'Australia/Lord_Howe',
      '2026-10-03T14:00:00Z',
      ['2026-10-03T14:45:00.000Z', '2026-10-03T15:45:00.000Z', '2026-10-03T16:15:00.000Z'],
    ],
    [
      'skipped for half an hour, once where it meets another',
      '0,30 2 * * *',
      'Australia/Lord_Howe',
      '2026-10-03T14:00:00Z',
      ['2026-10-03T15:30:00.000Z', '2026-10-04T15:00:00.000Z'],
    ],
    [
      'repeated for half an hour, every hour',
      '45 * * * *',
      'Australia/Lord_Howe',
      '2026-04-04T14:00:00Z',
      ['2026-04-04T14:45:00.000Z', '2026-04-04T15:15:00.000Z', '2026-04-04T16:15:00.000Z'],
    ],
    [
      'seen from months before the change of half an hour',
      '0 9 1-10 4 *',
      'Australia/Lord_Howe',
      '2026-11-26T00:00:00Z',
      ['2027-03-31T22:00:00.000Z', '2027-04-01T22:00:00.000Z', '2027-04-02T22:00:00.000Z'].concat([
        '2027-04-03T22:30:00.000Z',
        '2027-04-04T22:30:00.000Z',
        '2027-04-05T22:30:00.000Z',
      ]),
    ],
    [
      'seen from nine days before the change of half an hour',
      '0 9 * * *',
      'Australia/Lord_Howe',
      '2027-03-26T00:00:00Z',
      [26, 27, 28, 29, 30, 31]
        .map((day) => `2027-03-${day}T22:00:00.000Z`)
        .concat(['2027-04-01T22:00:00.000Z', '2027-04-02T22:00:00.000Z'])
        .concat(['2027-04-03T22:30:00.000Z', '2027-04-04T22:30:00.000Z']),
    ],
    [
      'on the day of a change at midnight, before it',
      '30 22 26-28 3 *',
      'America/Nuuk',
      '2027-03-26T00:00:00Z',
      ['2027-03-27T00:30:00.000Z', '2027-03-28T00:30:00.000Z', '2027-03-28T23:30:00.000Z'],
    ],
    [
      'skipped before midnight, on the next day',
      '30 23 27 3 *',
      'America/Nuuk',
      '2026-11-26T00:00:00Z',
      ['2027-03-28T01:30:00.000Z', '2028-03-28T00:30:00.000Z'],
    ],
    [
      'every second hour through a change at midnight',
      '0 */2 * * *',
      'America/Nuuk',
      '2027-03-26T19:00:00Z',
      Array.from({ length: 15 }, (_, at) =>
        new Date(Date.UTC(2027, 2, 26, 20 + 2 * at)).toISOString(),
      ).concat(['2027-03-28T01:00:00.000Z', '2027-03-28T03:00:00.000Z']),
    ],
    [
      'asked between the two occurrences of a repeated time',
      '30 1 * * *',
      'America/New_York',
      '2026-11-01T06:10:00Z',
      ['2026-11-02T06:30:00.000Z'],
    ],
    [
      'asked within the hour to which a skipped time moves',
      '30 2 * * *',
      'Europe/Berlin',
      '2027-03-28T01:10:00Z',
      ['2027-03-28T01:30:00.000Z', '2027-03-29T00:30:00.000Z'],
    ],
    [
      'skipped, once where it meets another',
      '30 2,3 * * *',
      'Europe/Berlin',
      '2027-03-28T00:00:00Z',
      ['2027-03-28T01:30:00.000Z', '2027-03-29T00:30:00.000Z', '2027-03-29T01:30:00.000Z'],
    ],
    [
      'skipped, between those that are not',
      '15,45 2,3 * * *',
      'Europe/Berlin',
      '2027-03-28T00:00:00Z',
      ['2027-03-28T01:15:00.000Z', '2027-03-28T01:45:00.000Z', '2027-03-29T00:15:00.000Z'],
    ],
    [
      'skipped, interleaved with those that are not',
      '*/20 2-3 * 3 *',
      'Europe/Berlin',
      '2027-03-28T00:50:00Z',
      ['2027-03-28T01:00:00.000Z', '2027-03-28T01:20:00.000Z', '2027-03-28T01:40:00.000Z'],
    ],
    [
      'all but one hour is not every hour',
      '0 0-22 * * *',
      'America/New_York',
      '2026-11-01T04:30:00Z',
      ['2026-11-01T05:00:00.000Z', '2026-11-01T07:00:00.000Z'],
    ],
    [
      'every hour by another spelling, twice where it repeats',
      '30 0-23 * * *',
      'America/New_York',
      '2026-11-01T05:00:00Z',
      ['2026-11-01T05:30:00.000Z', '2026-11-01T06:30:00.000Z', '2026-11-01T07:30:00.000Z'],
    ],
    [
      'repeated before midnight, every hour of one day',
      '30 * 24 10 *',
      'America/Nuuk',
      '2026-10-25T00:00:00Z',
      ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z', '2027-10-24T01:30:00.000Z'],
    ],
    [
      'on a day that Samoa skips, a day later',
      '0 9 30 12 *',
      'Pacific/Apia',
      '2011-12-01T00:00:00Z',
      ['2011-12-30T19:00:00.000Z', '2012-12-29T19:00:00.000Z'],
    ],
    [
      'every six hours through the day that Samoa skips',
      '0 */6 * * *',
      'Pacific/Apia',
      '2011-12-30T00:00:00Z',
      ['2011-12-30T04:00:00.000Z', '2011-12-30T10:00:00.000Z', '2011-12-30T16:00:00.000Z'],
    ],
    [
      'on a day that Kiritimati skips at the end of a year',
      '0 9 31 12 *',
      'Pacific/Kiritimati',
      '1994-12-01T00:00:00Z',
      ['1994-12-31T19:00:00.000Z', '1995-12-30T19:00:00.000Z'],
    ],
    [
      'while Morocco is an hour behind for Ramadan',
      '30 2 * 2,3 0',
      'Africa/Casablanca',
      '2027-02-01T00:00:00Z',
      ['2027-02-07T01:30:00.000Z', '2027-02-14T02:30:00.000Z'],
    ],
    [
      'in a week of summer between Ramadan and winter in Gaza',
      '0 12 * 10 6',
      'Asia/Gaza',
      '2040-10-01T00:00:00Z',
      [
        '2040-10-06T10:00:00.000Z',
        '2040-10-13T10:00:00.000Z',
        '2040-10-20T09:00:00.000Z',
        '2040-10-27T10:00:00.000Z',
      ],
    ],
    [
      'in the week of summer before Ramadan in Gaza',
      '0 12 * 3,4 6',
      'Asia/Gaza',
      '2054-03-20T00:00:00Z',
      ['2054-03-21T10:00:00.000Z', '2054-03-28T09:00:00.000Z', '2054-04-04T10:00:00.000Z'],
    ],
    [
      'in the week of summer of Recife',
      '0 12 * 10 4',
      'America/Recife',
      '2000-10-01T00:00:00Z',
      ['2000-10-05T15:00:00.000Z', '2000-10-12T14:00:00.000Z', '2000-10-19T15:00:00.000Z'],
    ],
    [
      'in the week of summer between Ramadan and winter in Gaza, 2072',
      '0 12 * 10 6',
      'Asia/Gaza',
      '2072-10-01T00:00:00Z',
      ['2072-10-01T10:00:00.000Z', '2072-10-08T10:00:00.000Z', '2072-10-15T10:00:00.000Z'].concat([
        '2072-10-22T09:00:00.000Z',
        '2072-10-29T10:00:00.000Z',
      ]),
    ],
    [
      'skipped for two hours at Troll',
      '30 1 28 3 *',
      'Antarctica/Troll',
      '2027-01-01T00:00:00Z',
      ['2027-03-28T01:30:00.000Z', '2028-03-27T23:30:00.000Z'],
    ],
    [
      'in Dublin, whose winter is the negative daylight-saving time',
      '30 1 28,31 3,10 *',
      'Europe/Dublin',
      '2027-03-01T00:00:00Z',
      [
        '2027-03-28T01:30:00.000Z',
        '2027-03-31T00:30:00.000Z',
        '2027-10-28T00:30:00.000Z',
        '2027-10-31T00:30:00.000Z',
      ],
    ],
    [
      'where the offset had seconds',
      '30 9 * * *',
      'Africa/Monrovia',
      '1971-06-01T00:00:00Z',
      ['1971-06-01T10:14:30.000Z', '1971-06-02T10:14:30.000Z'],
    ],
    [
      'where a step makes the weekday restricted',
      '0 0 30 2 */2',
      'UTC',
      '2027-01-01T00:00:00Z',
      ['2027-02-02T00:00:00.000Z', '2027-02-04T00:00:00.000Z', '2027-02-06T00:00:00.000Z'],
    ],
    [
      'with Sunday by both numbers',
      '0 9 * * 0,7',
      'UTC',
      '2026-11-26T00:00:00Z',
      ['2026-11-29T09:00:00.000Z', '2026-12-06T09:00:00.000Z'],
    ],
    [
      'with a weekday named twice',
      '0 9 * * 1-5,3',
      'UTC',
      '2026-11-27T00:00:00Z',
      ['2026-11-27T09:00:00.000Z', '2026-11-30T09:00:00.000Z'],
    ],
    [
      'with minutes named twice',
      '*/15,30 * * * *',
      'UTC',
      '2026-11-26T00:00:00Z',
      ['2026-11-26T00:15:00.000Z', '2026-11-26T00:30:00.000Z', '2026-11-26T00:45:00.000Z'],
    ],
    [
      'with a list that has an asterisk',
      '0 0 1 * *,1',
      'UTC',
      '2026-11-26T00:00:00Z',
      ['2026-11-27T00:00:00.000Z', '2026-11-28T00:00:00.000Z'],
    ],
    [
      'eight years apart',
      '0 0 29 2 *',
      'UTC',
      '2096-02-28T00:00:00Z',
      ['2096-02-29T00:00:00.000Z', '2104-02-29T00:00:00.000Z'],
    ],
    [
      'in a zone by the name that ICU alone has',
      '0 9 * * *',
      'BST',
      '2026-11-26T00:00:00Z',
      ['2026-11-26T03:00:00.000Z'],
    ],
    ['asked within a second', '* * * * *', 'UTC', '2026-11-26T00:00:59.999Z', ['2026-11-26T00:01:00.000Z']],
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
    expect(upcoming(cron, timezone, new Date(from), expected.length)).toEqual(expected);
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
  ])('%j in %j cannot be read', (cron, timezone) => {
    expect(() => upcoming(cron, timezone, new Date(0), 1)).toThrow(InvalidSchedule);
  });

  test.each([
    ['0 9 * * 4', 'Mars/Olympus'],
    ['0 9 * * 4', ''],
    ['0 9 * * 4', 'local'],
    ['0 9 * * 4', 'system'],
    ['0 9 * * 4', 'UTC+2'],
    ['0 9 * * 4', '+02:00'],
  ])('%j in %j has an unknown zone', (cron, timezone) => {
    expect(() => upcoming(cron, timezone, new Date(0), 1)).toThrow(RangeError);
  });

  test('names of days and months can be read, also those with an H', () => {
    expect(upcoming('0 9 * MAR THU', 'UTC', new Date('2026-01-01T00:00:00Z'), 1)).toEqual([
      '2026-03-05T09:00:00.000Z',
    ]);
  });

  // Zones whose clocks change by an hour, half an hour, two hours, at midnight, and around Ramadan.
  test.each([
    ['America/New_York', '2026-11-01T00:00:00Z'],
    ['America/Nuuk', '2027-03-27T00:00:00Z'],
    ['Australia/Lord_Howe', '2026-10-03T00:00:00Z'],
    ['Antarctica/Troll', '2027-03-27T12:00:00Z'],
    ['Africa/Casablanca', '2027-02-06T12:00:00Z'],
    ['Pacific/Apia', '2011-12-29T12:00:00Z'],
  ])('in %s do not depend on the instant that is asked at', (timezone, from) => {
    for (const cron of ['*/7 * * * *', '10,40 0-3,22,23 * * *', '0 9 * * *', '30 2 * * SUN']) {
      const start = Date.parse(from);
      const all = upcoming(cron, timezone, new Date(start), 600);
      for (let minute = 0; minute < 2 * 24 * 60; minute += 17) {
        const after = start + minute * 60_000;
        const expected = all.filter((at) => Date.parse(at) > after).slice(0, 5);
        expect(upcoming(cron, timezone, new Date(after), 5)).toEqual(expected);
      }
    }
  });
});
