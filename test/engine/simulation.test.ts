/**
 * Three processes on one database and one virtual clock, while they are killed, paused, lose their database, and have their
 * wall clocks set: no fire time is lost, and none runs twice. The same seed always takes the same course.
 */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { isLong } from '../support/long.ts';
import { simulate } from './support/simulation.ts';
import {
  decisionsOf,
  problemsOfCalls,
  problemsOfOccurrences,
  problemsOfOverlap,
  problemsOfTasks,
} from './support/simulation-checks.ts';

const MINUTE = 60_000;
/** New York's clocks go back at 06:00 UTC; 1:30 there is 05:30 UTC, and again 06:30. */
const START = new Date('2026-11-01T05:20:30Z');
const LARGE = { tasks: 310, chaosMs: 150 * MINUTE, fireTimes: 20_000 };
const SMALL = { tasks: 60, chaosMs: 35 * MINUTE, fireTimes: 800 };

// Time slices end by the real clock, which would make a course depend on the machine.
beforeAll(() => {
  jest.spyOn(performance, 'now').mockReturnValue(0);
});
afterAll(() => {
  jest.restoreAllMocks();
});

test.each([
  ['kills, pauses and cuts', { withJumps: false, ...(isLong ? LARGE : SMALL) }],
  ['kills, pauses, cuts and jumps of wall clocks', { withJumps: true, ...SMALL }],
])(
  'with %s, each fire time is one run, or one recorded skip or miss',
  async (_name, { fireTimes, ...plan }) => {
    const result = await simulate({ ...plan, seed: 1, start: START });
    expect(problemsOfOccurrences(result)).toEqual([]);
    expect(problemsOfOverlap(result)).toEqual([]);
    expect(problemsOfCalls(result)).toEqual([]);
    expect(problemsOfTasks(result)).toEqual([]);

    // The simulation is worth nothing if nothing happens in it.
    const { kills, stops, pauses, cuts, cancels } = result.counts;
    expect(Math.min(kills, stops, pauses, cuts, cancels, result.lost.length)).toBeGreaterThan(0);
    expect(result.runs.flatMap(({ error }) => error?.name ?? [])).toContain('LostWorker');
    const outcomes = result.occurrences.map(({ outcome, reason }) =>
      [outcome, reason].filter(Boolean).join(' '),
    );
    for (const one of ['fired', 'skipped overlap', 'skipped queue_full', 'missed engine_away'])
      expect(outcomes).toContain(one);
    expect(decisionsOf(result).length).toBeGreaterThan(fireTimes);
  },
  600_000,
);
