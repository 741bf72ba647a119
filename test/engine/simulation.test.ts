/**
 * Three processes on one database and one virtual clock, while they are killed, paused, lose their database, and have their
 * wall clocks set: no fire time is lost, and none runs twice. The same seed always takes the same course.
 */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { isLong } from '../support/long.ts';
import { type Plan, simulate } from './support/simulation.ts';
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
const SIZE = isLong ? { tasks: 270, chaosMs: 150 * MINUTE } : { tasks: 60, chaosMs: 35 * MINUTE };
const FIRE_TIMES = isLong ? 20_000 : 800;
const SEEDS = isLong ? [1, 2] : [1];
/** Time slices end by the real clock, which would make a course depend on the machine. */
beforeAll(() => {
  jest.spyOn(performance, 'now').mockReturnValue(0);
});
afterAll(() => {
  jest.restoreAllMocks();
});

describe.each([
  ['kills, pauses and cuts', false],
  ['kills, pauses, cuts and jumps of wall clocks', true],
] as const)('with %s', (_name, withJumps) => {
  test.each(SEEDS)('seed %i: each fire time is one run, or one recorded skip or miss', async (seed) => {
    const plan: Plan = { ...SIZE, seed, start: START, withJumps };
    const began = process.cpuUsage();
    const result = await simulate(plan);
    const { user, system } = process.cpuUsage(began);
    console.log(result.counts, result.lost.length, result.calls.length, (user + system) / 1e6);
    expect(problemsOfOccurrences(result)).toEqual([]);
    expect(problemsOfOverlap(result)).toEqual([]);
    expect(problemsOfCalls(result)).toEqual([]);
    expect(problemsOfTasks(result)).toEqual([]);

    const decisions = decisionsOf(result);
    expect(decisions.length).toBeGreaterThan(FIRE_TIMES);
  });
});
