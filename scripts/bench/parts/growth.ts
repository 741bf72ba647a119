import type { Bench } from '../bench.ts';
import { contend, listingPath, referencesOf } from '../contenders.ts';
import { type PartResult, type Row } from '../figures.ts';
import { type DatabaseName, historyAccount } from '../fill.ts';
import { type Part, most, rowsOf } from '../part.ts';
import type { BenchPlan } from '../plan.ts';
import { type Contender, measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'growth';

/** A listing that is measured on a small database and on one with more runs or tasks. */
interface Growth {
  work: string;
  path: string;
  grown: DatabaseName;
}

function growthsOf(plan: BenchPlan): Growth[] {
  const { listedTasks, accounts, historyTasks, shortHistory, longHistory, manyTasks } = plan;
  const number = (value: number) => value.toLocaleString('en-US');
  return [
    {
      work: `list ${historyTasks} tasks, runs per task ${number(shortHistory)} → ${number(longHistory)}`,
      path: `/api/tasks?account_id=${historyAccount(plan)}&limit=${historyTasks}`,
      grown: 'histories',
    },
    {
      work: `list ${listedTasks} tasks, tasks in the database ${number(accounts * listedTasks)} → ${number(manyTasks)}`,
      path: listingPath(plan),
      grown: 'many',
    },
  ];
}

async function measureOne(bench: Bench, { work, path, grown }: Growth): Promise<PartResult> {
  const contenders: Contender[] = [];
  let references;
  for (const database of ['small', grown] as const) {
    for (const cacheMegabytes of ['', '0']) {
      const name = `${grown}: service on ${database}${cacheMegabytes ? ', CACHE_MB=0' : ''}`;
      const service = await bench.startService(name, database, { CACHE_MB: cacheMegabytes });
      references ??= await referencesOf(service, [{ path }]);
      // This also checks that both databases return the same listing.
      const contender = await contend(bench, service, [{ path }], references);
      // Use one connection, because the figure is the time of a single listing.
      contenders.push({ ...contender, job: { ...contender.job, connections: 1 } });
    }
  }
  const { variants, ratio } = await measureInRounds(PART, contenders, bench);
  await bench.stopAll();
  const [small, smallUncached, large, largeUncached] = contenders;
  if (!small || !smallUncached || !large || !largeUncached)
    throw new Error(`Expected four variants, but got ${contenders.length}.`);
  const rows: Row[] = [
    ...rowsOf(PART, work, [['time, warm', most(1.2), ratio('p50Ms', large, small)]]),
    ...rowsOf(PART, work, [
      ['time, nothing cached', most(1.2), ratio('p50Ms', largeUncached, smallUncached)],
    ]),
  ];
  return { rows, variants, notes: [] };
}

async function run(bench: Bench): Promise<PartResult> {
  const results = [];
  for (const growth of growthsOf(bench.plan)) results.push(await measureOne(bench, growth));
  return {
    rows: results.flatMap(({ rows }) => rows),
    variants: results.flatMap(({ variants }) => variants),
    notes: [],
  };
}

/** Measures whether a listing takes longer if its tasks have long histories or the database has many other tasks. */
export const growth: Part = {
  name: PART,
  databases: ['small', 'histories', 'many'],
  steps: ({ rounds }) => 2 * roundSteps(4, rounds),
  run,
};
