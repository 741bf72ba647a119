import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Started } from '../bench.ts';
import { contend, listingPath, listingWork, referencesOf } from '../contenders.ts';
import type { Work, Worked } from '../engine-service.ts';
import {
  type PartResult,
  type Row,
  type Spread,
  type VariantFigures,
  ratioOf,
  spreadOf,
} from '../figures.ts';
import { type Part, least, most } from '../part.ts';
import { brief } from '../report.ts';
import { type Contender, measureRound } from '../rounds.ts';

const PART = 'engine';
const SERVICE = 'scripts/bench/engine-service.js';
/** Runs per second that are queued while the start delay or a listing is measured. */
const PACE = 10;
const FAST_PACE = 50;
const MINUTE_MS = 60_000;

const tell = (service: Started, what: Work) => service.process.ask<Worked>(what);

function p99Of(delaysMs: number[]): number {
  const sorted = delaysMs.toSorted((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
}

const millisOf = ({ median, min, max }: Spread) => `${brief(median)} ms (${brief(min)}–${brief(max)})`;

function row(work: string, measure: string, target: Row['target'], unit: Row['unit'], measured: Spread): Row {
  return { part: PART, work, measure, target, unit, measured };
}

/** Measures how many runs the engine executes per second, then the start delay of runs at a fixed rate. */
async function measureRuns(bench: Bench, service: Started): Promise<PartResult> {
  const { burstRuns, engineMs, longRounds } = bench.plan;
  const perSecond = [];
  const cpuMs = [];
  const delays = [];
  await tell(service, { work: 'burst', runs: burstRuns });
  for (let round = 0; round < longRounds; round += 1) {
    const burst = await tell(service, { work: 'burst', runs: burstRuns });
    perSecond.push((burstRuns / burst.elapsedMs) * 1_000);
    cpuMs.push(burst.cpuMs / burstRuns);
    await tell(service, { work: 'start', perSecond: PACE, fireInMs: engineMs / 2 });
    await sleep(engineMs);
    delays.push(p99Of((await tell(service, { work: 'stop' })).delaysMs));
    bench.step();
  }
  const rows = [
    row('runs that do nothing, embedded database', '', least(50), 'runs/s', spreadOf(perSecond)),
    row(`start of a run, ${PACE} runs/s`, 'p99 after it was due', most(250), 'ms', spreadOf(delays)),
  ];
  const notes = [
    `engine: a run takes ${millisOf(spreadOf(cpuMs))} of CPU, from entering the queue to leaving it, including the embedded database`,
  ];
  return { rows, notes, variants: [] };
}

/** Measures a listing while the engine is idle, and while it executes runs of the listed tasks and of others. */
async function measureListing(bench: Bench, service: Started): Promise<PartResult> {
  const requests = [{ path: listingPath(bench.plan) }];
  const contender = await contend(bench, service, requests, await referencesOf(service, requests));
  const { job } = contender;
  const variants: { figures: VariantFigures; perSecond: number }[] = [0, PACE, FAST_PACE].map(
    (perSecond) => ({
      perSecond,
      figures: { part: PART, name: `service, engine at ${perSecond} runs/s`, bytesPerReply: 0, rounds: [] },
    }),
  );
  // Accept any size, because the listing changes with the runs that it shows.
  const changing: Contender = {
    ...contender,
    job: { ...job, targets: requests.map(({ path }) => ({ path, headers: {} })) },
  };
  await measureRound(changing, bench);
  for (let round = 0; round < bench.plan.rounds; round += 1) {
    for (const { perSecond, figures } of variants) {
      if (perSecond > 0) await tell(service, { work: 'start', perSecond });
      figures.rounds.push(await measureRound(changing, bench));
      if (perSecond > 0) await tell(service, { work: 'stop' });
      bench.step();
    }
  }
  const [idle, paced, fast] = variants.map(({ figures }) => figures);
  if (!idle || !paced || !fast) throw new Error(`Expected three variants, but got ${variants.length}.`);
  const rows = [[paced, PACE] as const, [fast, FAST_PACE] as const].map(([figures, perSecond]) =>
    row(
      `${listingWork(bench.plan)}, engine at ${perSecond} runs/s`,
      'requests/s with an idle engine',
      least(0.5),
      '×',
      ratioOf(figures, idle, 'requestsPerSecond'),
    ),
  );
  return { rows, variants: [idle, paced, fast], notes: [] };
}

/** Measures the CPU of an engine without due tasks, on a database with few tasks and on one with many. */
async function measurePlanning(bench: Bench): Promise<PartResult> {
  const { plannedTasks, manyPlannedTasks, looks, engineMs, longRounds } = bench.plan;
  const counts = `${plannedTasks.toLocaleString('en-US')} → ${manyPlannedTasks.toLocaleString('en-US')} tasks that are not due`;
  const measured = [];
  for (const database of ['planned', 'manyPlanned'] as const) {
    const service = await bench.start(`engine on ${database}`, SERVICE, { database });
    // Wait for a sweep. The engine's own first sweep has ended by then, so it does not disturb the measurement.
    const sweep = await tell(service, { work: 'sweep' });
    measured.push({ service, sweep, lookMs: new Array<number>(), idleMs: new Array<number>() });
  }
  for (let round = 0; round < longRounds; round += 1) {
    for (const { service, lookMs, idleMs } of measured) {
      lookMs.push((await tell(service, { work: 'looks', count: looks })).cpuMs / looks);
      const before = await service.process.usage();
      await sleep(engineMs);
      const after = await service.process.usage();
      idleMs.push(((after.cpuMs - before.cpuMs) * MINUTE_MS) / engineMs);
      bench.step();
    }
  }
  const [few, many] = measured;
  if (!few || !many) throw new Error(`Expected two databases, but measured ${measured.length}.`);
  const ratio = (quantity: 'lookMs' | 'idleMs') =>
    spreadOf(many[quantity].map((ms, round) => ms / (few[quantity][round] ?? Number.NaN)));
  const rows = [
    row(`a look of the planner, ${counts}`, 'CPU', most(1.2), '×', ratio('lookMs')),
    row(`a minute of an idle engine, ${counts}`, 'CPU', most(1.2), '×', ratio('idleMs')),
  ];
  const { cpuMs, elapsedMs } = many.sweep;
  const notes = [
    `engine: a look takes ${millisOf(spreadOf(few.lookMs))} of CPU with few tasks, ${millisOf(spreadOf(many.lookMs))} with many; a minute of an idle engine and service ${millisOf(spreadOf(few.idleMs))} and ${millisOf(spreadOf(many.idleMs))}, without the sweep that runs every ten minutes`,
    `engine: a sweep of ${manyPlannedTasks.toLocaleString('en-US')} tasks takes ${brief(cpuMs)} ms of CPU in ${brief(elapsedMs)} ms, of ${plannedTasks} tasks ${brief(few.sweep.cpuMs)} ms`,
  ];
  return { rows, notes, variants: [] };
}

async function run(bench: Bench): Promise<PartResult> {
  const service = await bench.start('engine', SERVICE, { database: 'small' });
  const results = [await measureRuns(bench, service), await measureListing(bench, service)];
  await bench.stopAll();
  results.push(await measurePlanning(bench));
  return {
    rows: results.flatMap(({ rows }) => rows),
    variants: results.flatMap(({ variants }) => variants),
    notes: results.flatMap(({ notes }) => notes),
  };
}

/** Measures the engine's throughput and start delay, its idle cost, and its effect on listings. */
export const engine: Part = {
  name: PART,
  databases: ['small', 'planned', 'manyPlanned'],
  steps: ({ rounds, longRounds }) => 3 * longRounds + 3 * rounds,
  run,
};
