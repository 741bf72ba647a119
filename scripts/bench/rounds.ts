import { setTimeout } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { type Round, type Spread, type VariantFigures, ratioOf } from './figures.ts';
import type { Job } from './load.ts';
import type { Monitored } from './monitored.ts';

/** A variant with the job that it gets in each round. */
export interface Contender {
  process: Monitored;
  /** Name in the results. */
  name: string;
  job: Job;
}

/** Some of the seeded tasks fire every five minutes. Listings then change, possibly in the middle of a round. */
const FIRES_EVERY_MS = 300_000;
const AFTER_FIRING_MS = 500;
/** Time allowed for fetching a reply, or for replies in flight. */
export const FETCH_MS = 4_000;

/** If the next fire time is less than `forMs` away, waits until it has passed. */
export async function awaitQuiet(forMs: number): Promise<void> {
  const leftMs = FIRES_EVERY_MS - (Date.now() % FIRES_EVERY_MS);
  if (leftMs < forMs) await setTimeout(leftMs + AFTER_FIRING_MS);
}

/** Measures one round of a contender. */
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

/** The results of some rounds. */
export interface Measured {
  variants: VariantFigures[];
  /** Ratio of a quantity between two contenders. */
  ratio: (quantity: keyof Round, one: Contender, other: Contender) => Spread;
  roundsOf: (contender: Contender) => Round[];
}

/** Warms up all contenders, then measures them in interleaved rounds, so that quiet moments favor none. */
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

/** Number of progress steps that measureInRounds takes. */
export const roundSteps = (contenders: number, rounds: number): number => contenders * (rounds + 1);
