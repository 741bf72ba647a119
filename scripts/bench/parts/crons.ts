import type { Bench, Started } from '../bench.ts';
import { jobOf, referencesOf } from '../contenders.ts';
import { type PartResult, type Row, spreadOf } from '../figures.ts';
import { listedAccounts } from '../fill.ts';
import { type Part, most } from '../part.ts';
import { fetchWhole } from '../replies.ts';
import { type Contender, measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'crons';

/** Starts a new process of the service, and measures how long its first listing blocks the event loop. */
async function firstListing(bench: Bench, path: string): Promise<{ service: Started; longestMs: number }> {
  const service = await bench.startService('service, all crons different', 'crons');
  await service.process.ask({ ask: 'watchDelay' });
  await referencesOf(service, [{ path }]);
  const { longestMs } = await service.process.ask<{ longestMs: number }>({ ask: 'longestDelay' });
  bench.step();
  return { service, longestMs };
}

/** Profiles a warm process while it lists tasks. Returns for each round the percentage of CPU that `upcoming` took. */
async function shares(bench: Bench, contender: Contender): Promise<number[]> {
  const all = [];
  for (let round = 0; round < bench.plan.longRounds; round += 1) {
    await contender.process.ask({ ask: 'startProfile' });
    await bench.generate(contender);
    const { scheduleShare } = await contender.process.ask<{ scheduleShare: number }>({ ask: 'endProfile' });
    all.push(100 * scheduleShare);
    bench.step();
  }
  return all;
}

async function run(bench: Bench): Promise<PartResult> {
  const { crons, longRounds } = bench.plan;
  const path = `/api/tasks?account_id=${listedAccounts(bench.plan)[0]}&limit=${crons}`;
  const delays = [];
  let last;
  for (let round = 0; round < longRounds; round += 1) {
    if (last) await bench.stop(last.process);
    const { service, longestMs } = await firstListing(bench, path);
    last = service;
    delays.push(longestMs);
  }
  if (!last) throw new Error('The plan has no rounds: longRounds must be at least 1.');
  const reply = await fetchWhole(last.url, path);
  const job = {
    ...jobOf(bench, last.url, [{ path }], { status: 200, sizes: [reply.body.length] }),
    connections: 4,
  };
  const contender = { ...last, job };
  const { variants } = await measureInRounds(PART, [contender], bench);
  const work = `list ${crons.toLocaleString('en-US')} tasks, all crons different`;
  const rows: Row[] = [
    {
      part: PART,
      work: `${work}, warm`,
      measure: "of the request's CPU for `upcoming`",
      target: most(10),
      unit: '%',
      measured: spreadOf(await shares(bench, contender)),
    },
    {
      part: PART,
      work: `${work}, first time`,
      measure: 'of the event loop held up at a time',
      target: most(50),
      unit: 'ms',
      measured: spreadOf(delays),
    },
  ];
  const notes = [
    'crons: the share is the profiled time in src/schedule and in functions it called; the delay is the longest that perf_hooks measured during the first listing of a new process',
  ];
  return { rows, variants, notes };
}

/** Measures the cost of computing `upcoming` for tasks whose cron expressions all differ. */
export const crons: Part = {
  name: PART,
  databases: ['crons'],
  steps: ({ rounds, longRounds }) => 2 * longRounds + roundSteps(1, rounds),
  run,
};
