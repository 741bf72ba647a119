import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CatchUp, type Due, gather, onTimeFrom, classify } from '../../../src/engine/local/due.ts';
import { parseSchedule } from '../../../src/schedule/cron.ts';
import { fireTimes } from '../../../src/schedule/fire-times.ts';

const NOW = Date.parse('2026-11-23T12:00:30Z');
const MINUTE = 60_000;

async function dueOf(schedule: string, awayMinutes: number, catchUp: CatchUp): Promise<string[]> {
  const times = fireTimes(parseSchedule(schedule), 'UTC', NOW - awayMinutes * MINUTE);
  return classify(await gather(times, NOW), NOW - MINUTE, catchUp).map((due) =>
    due.kind === 'fire'
      ? `${timeOf(due.at)}${due.late ? ' late' : ''}`
      : `${timeOf(due.first)} to ${timeOf(due.last)} missed ${due.count}`,
  );
}
const timeOf = (at: number) => new Date(at).toISOString().slice(11, 16);

describe('what is due', () => {
  test.each<[string, string, number, CatchUp, string[]]>([
    ['nothing', '0 9 * * *', 10, 'all', []],
    ['on time', '* * * * *', 1, 'skip', ['12:00']],
    ['a gap, and one on time, skip', '* * * * *', 5, 'skip', ['11:56 to 11:59 missed 4', '12:00']],
    ['a gap, once', '* * * * *', 5, 'once', ['11:56 to 11:58 missed 3', '11:59 late', '12:00']],
    ['a gap, all', '* * * * *', 5, 'all', ['11:56 late', '11:57 late', '11:58 late', '11:59 late', '12:00']],
    ['one missed, once', '30 * * * *', 60, 'once', ['11:30 late']],
    ['one missed, skip', '30 * * * *', 60, 'skip', ['11:30 to 11:30 missed 1']],
  ])('%s', async (_name, schedule, away, catchUp, expected) => {
    expect(await dueOf(schedule, away, catchUp)).toEqual(expected);
  });

  test.each<[string, number, number, string]>([
    ['an engine that has just started', 0, 0, '11:59:30'],
    ['an engine that has been live for five minutes', 5, 0, '11:54:30'],
    ['an engine that has been live for a day', 1_440, 0, '11:44:30'],
    ['an engine that renewed its document two minutes ago', 5, 2, '11:59:30'],
    ['a clock that was set back', -5, -5, '11:59:30'],
  ])('with %s, what is on time', async (_name, liveMinutes, sinceRenewal, expected) => {
    const ago = (minutes: number) => new Date(NOW - minutes * MINUTE);
    const from = onTimeFrom({ at: ago(sinceRenewal), live_since: ago(liveMinutes) }, new Date(NOW));
    expect(new Date(from).toISOString().slice(11, 19)).toBe(expected);
  });

  test('100 late fire times, and those of a planner that is behind', async () => {
    const times = fireTimes(parseSchedule('* * * * *'), 'UTC', NOW - 150 * MINUTE);
    const due = classify(await gather(times, NOW), NOW - 16 * MINUTE, 'all');
    expect(due.filter((one) => one.kind === 'fire' && one.late)).toHaveLength(100);
    expect(due.filter((one) => one.kind === 'fire' && !one.late)).toHaveLength(16);
    expect(countOf(due)).toBe(150);
  });

  test('every minute of two years in time slices', async () => {
    const times = fireTimes(parseSchedule('* * * * *'), 'UTC', NOW - 2 * 365 * 24 * 60 * MINUTE);
    const due = await gather(times, NOW);
    expect(due.count).toBe(2 * 365 * 24 * 60);
    expect(classify(due, NOW - MINUTE, 'all')).toHaveLength(102);
  });

  test('each fire time counts once, in order, and only late or missed ones are a minute old', async () => {
    const catchUp = fc.constantFrom<CatchUp>('skip', 'once', 'all');
    // Fire times are whole minutes apart.
    const gaps = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 300 });
    const settings = { numRuns: Number(process.env.PROPERTY_RUNS ?? 300), seed: 20_261_126 };
    await fc.assert(
      fc.asyncProperty(gaps, fc.nat(4 * MINUTE), catchUp, async (minutes, sinceLast, policy) => {
        let at = 0;
        const times = minutes.map((gap) => (at += gap * MINUTE));
        const now = at + sinceLast;
        const gathered = await gather([...times, now + MINUTE], now);
        expect(gathered.next).toBe(now + MINUTE);
        const due = classify(gathered, now - MINUTE, policy);
        expect(countOf(due)).toBe(times.length);
        const firsts = due.flatMap((one) => (one.kind === 'fire' ? [one.at] : [one.first, one.last]));
        expect(firsts).toEqual(firsts.toSorted((one, other) => one - other));
        for (const one of due) {
          if (one.kind === 'missed') expect(one.last).toBeLessThan(now - MINUTE);
          else expect(one.late).toBe(one.at < now - MINUTE);
        }
        const late = due.filter((one) => one.kind === 'fire' && one.late).length;
        expect(late).toBeLessThanOrEqual({ skip: 0, once: 1, all: 100 }[policy]);
      }),
      settings,
    );
  });
});

function countOf(due: Due[]): number {
  return due.reduce((sum, one) => sum + (one.kind === 'fire' ? 1 : one.count), 0);
}
