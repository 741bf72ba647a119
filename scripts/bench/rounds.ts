import { setTimeout } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { type Round, type Spread, type VariantFigures, ratioOf } from './figures.ts';
import type { Job } from './load.ts';
import type { Monitored } from './monitored.ts';

/** A variant, and what is asked of it in each round. */
export interface Contender {
  process: Monitored;
  /** What it is called in the results. */
  name: string;
  job: Job;
}

/** The seeded schedules fire on full five minutes; their listings change then, in the middle of a round perhaps. */
const FIRES_EVERY_MS = 300_000;
const AFTER_FIRING_MS = 500;
/** How long it may take to fetch a reply, or for those in flight to come. */
export const FETCH_MS = 4_000;

/** Waits where a fire time would pass within this time. */
export async function awaitQuiet(forMs: number): Promise<void> {
  const leftMs = FIRES_EVERY_MS - (Date.now() % FIRES_EVERY_MS);
  if (leftMs < forMs) await setTimeout(leftMs + AFTER_FIRING_MS);
}

/** Measures a contender for a round. */
export async function measureRound({ process, name, job }: Contender, bench: Bench): Promise<Round> {
  await awaitQuiet(job.durationMs + FETCH_MS);
  const before = await process.usage();
  const { result, peakBytes } = await process.peakMemoryDuring(() => bench.generate({ name, job }));
  const after = await process.usage();
  const seconds = result.elapsedMs / 1_000;
  return {
    requestsPerSecond: result.requests / seconds,
    megabytesPerSecond: result.bytes / 1e6 / seconds,
    cpuMsPerRequest: (after.cpuMs - before.cpuMs) / result.requests,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    firstByteMs: result.firstByteMs,
    peakMebibytes: peakBytes / 1_048_576,
    generatorCores: result.cpuMs / result.elapsedMs,
  };
}

/** What came of some rounds. */
export interface Measured {
  variants: VariantFigures[];
  /** How many times a quantity of one contender is that of another. */
  ratio: (quantity: keyof Round, one: Contender, other: Contender) => Spread;
  roundsOf: (contender: Contender) => Round[];
}

/** Warms all contenders up, then measures them in turns: in each round each, so that none has the quieter minutes. */
export async function measureInRounds(
  part: string,
  contenders: Contender[],
  bench: Bench,
  rounds = bench.plan.rounds,
): Promise<Measured> {
  const variants = new Map<Contender, VariantFigures>();
  for (const contender of contenders) {
    const { name, job } = contender;
    await awaitQuiet(bench.plan.warmUpMs + FETCH_MS);
    await bench.generate({ name, job: { ...job, durationMs: bench.plan.warmUpMs } });
    variants.set(contender, { part, name, bytesPerReply: job.targets[0]?.bytes ?? 0, rounds: [] });
    bench.step();
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [contender, figures] of variants) {
      figures.rounds.push(await measureRound(contender, bench));
      bench.step();
    }
  }
  const of = (contender: Contender) => {
    const figures = variants.get(contender);
    if (!figures) throw new Error(`${contender.name} was not measured.`);
    return figures;
  };
  return {
    variants: [...variants.values()],
    ratio: (quantity, one, other) => ratioOf(of(one), of(other), quantity),
    roundsOf: (contender) => of(contender).rounds,
  };
}

/** Steps of the progress bar that measureInRounds takes. */
export const roundSteps = (contenders: number, rounds: number): number => contenders * (rounds + 1);
