import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Bench } from '../bench.ts';
import { type PartResult, type Row, spreadOf } from '../figures.ts';
import { type Part, most } from '../part.ts';
import type { SchedulerFigures } from '../schedulers.ts';

const PART = 'fire-times';
const PROGRAM = 'dist/scripts/bench/schedulers.js';

const rounded = (number: number) => number.toPrecision(3);

async function run(bench: Bench): Promise<PartResult> {
  const rounds: SchedulerFigures[] = [];
  for (let round = 0; round < bench.plan.longRounds; round += 1) {
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM]);
    rounds.push(JSON.parse(stdout));
    bench.step();
  }
  const spread = (figure: keyof SchedulerFigures) => spreadOf(rounds.map((round) => round[figure]));
  const beside = (cronParser: keyof SchedulerFigures, croner: keyof SchedulerFigures, unit: string) =>
    `cron-parser ${rounded(spread(cronParser).median)} ${unit}, croner ${rounded(spread(croner).median)} ${unit}`;
  const row = (
    work: string,
    measure: string,
    atMost: number,
    unit: Row['unit'],
    of: keyof SchedulerFigures,
  ) => ({
    part: PART,
    work,
    measure,
    target: most(atMost),
    unit,
    measured: spread(of),
  });
  const tenTimes = (kind: string, atMost: number, of: keyof SchedulerFigures) =>
    row(`ten fire times, ${kind}, warm`, 'of CPU, parsing included', atMost, 'µs', of);
  return {
    rows: [
      tenTimes('hourly', 50, 'hourly'),
      tenTimes('weekly', 50, 'weekly'),
      tenTimes('monthly', 50, 'monthly'),
      tenTimes('29 February', 500, 'leapDay'),
      row('first use of a zone', 'until ten fire times', 5, 'ms', 'firstUseMs'),
      row('1,000 weekly schedules in ten new zones', 'of CPU, parsing included', 25, 'ms', 'distinctMs'),
    ],
    variants: [],
    notes: [
      'fire-times: measured in a separate process that first computes 10,000 schedules in other zones; CPU includes the compiler and the garbage collector',
      `fire-times, weekly, warm: ${beside('cronParserWeekly', 'cronerWeekly', 'µs')}`,
      `fire-times, 1,000 weekly schedules: ${beside('cronParserMs', 'cronerMs', 'ms')}`,
    ],
  };
}

/** Measures the cost of computing fire times alone, without a service. */
export const fireTimes: Part = { name: PART, databases: [], steps: ({ longRounds }) => longRounds, run };
