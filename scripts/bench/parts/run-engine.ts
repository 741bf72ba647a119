import type { Bench, Started } from '../bench.ts';
import { contend, listingPath, listingWork, referenceOf } from '../contenders.ts';
import type { PartResult, Row } from '../figures.ts';
import { listedAccounts } from '../fill.ts';
import { type Part, least, rowsOf } from '../part.ts';
import { type Contender, type Measured, measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'run-engine';
const LATENCIES = [
  { latencyMs: 0, factor: 100 },
  { latencyMs: 20, factor: 1_000 },
];
/** Of (d), each of whose requests makes three times as many calls as there are tasks, at once. */
const CONNECTIONS = 8;

function startEngine(bench: Bench, latencyMs: number): Promise<Started> {
  const environment = { ACCOUNT: listedAccounts(bench.plan).listed, LATENCY_MS: String(latencyMs) };
  return bench.startBaseline(`run engine, ${latencyMs} ms`, 'run-engine', { database: 'small', environment });
}

async function run(bench: Bench): Promise<PartResult> {
  const request = { path: listingPath(bench.plan) };
  const service = await bench.startService('service', 'small');
  const reference = await referenceOf(service, request);
  const own = await contend(bench, service, request, reference);
  const alone: Contender = { ...own, name: 'service, one caller', job: { ...own.job, connections: 1 } };
  const originals: Record<'parallel' | 'serial', Contender[]> = { parallel: [], serial: [] };
  for (const { latencyMs } of LATENCIES) {
    const engine = await startEngine(bench, latencyMs);
    for (const calls of ['parallel', 'serial'] as const) {
      const original = await bench.startBaseline(`(d) ${latencyMs} ms, ${calls} calls`, 'original', {
        database: 'small',
        environment: { RUN_ENGINE_URL: engine.url, CALLS: calls },
      });
      const contender = await contend(bench, original, request, reference);
      const connections = calls === 'parallel' ? Math.min(CONNECTIONS, bench.plan.connections) : 1;
      originals[calls].push({ ...contender, job: { ...contender.job, connections } });
    }
  }
  const { rounds, longRounds } = bench.plan;
  const atOnce = await measureInRounds(PART, [own, ...originals.parallel], bench, rounds);
  const inTurn = await measureInRounds(PART, [alone, ...originals.serial], bench, longRounds);
  const row = (
    index: number,
    { ratio }: Measured,
    ours: Contender,
    theirs: Contender[],
    how: string,
  ): Row[] => {
    const { latencyMs, factor } = LATENCIES[index] ?? { latencyMs: 0, factor: 0 };
    const original = theirs[index];
    const measured = original && ratio('requestsPerSecond', ours, original);
    return rowsOf(PART, `${listingWork(bench.plan)}, warm`, [
      [`requests/s of (d) at ${latencyMs} ms, ${how}`, least(factor), measured],
    ]);
  };
  const rows = LATENCIES.flatMap((_, index) => [
    ...row(index, atOnce, own, originals.parallel, 'all its calls at once'),
    ...row(index, inTurn, alone, originals.serial, 'one call after the other, one caller'),
  ]);
  return { rows, variants: [...atOnce.variants, ...inTurn.variants], notes: [] };
}

/** The service against one that asks a run engine three times for each task. */
export const runEngine: Part = {
  name: PART,
  databases: ['small'],
  steps: ({ rounds, longRounds }) => roundSteps(3, rounds) + roundSteps(3, longRounds),
  run,
};
