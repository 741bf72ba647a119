import type { StorageAnswer, StorageQuestion } from '../baselines/storage-work.ts';
import type { Bench, Started } from '../bench.ts';
import { type PartResult, type Row, type VariantFigures, ratioOf } from '../figures.ts';
import { type Part, least, rowsOf } from '../part.ts';

const PART = 'storage';
const WORKS: (Pick<StorageQuestion, 'work' | 'workers'> & { title: string })[] = [
  { work: 'reads', workers: 1, title: "embedded engine, a listing's reads" },
  { work: 'writes', workers: 32, title: 'embedded engine, 32 writers' },
  { work: 'indexedWrites', workers: 32, title: 'embedded engine, 32 writers, the indexes of runs' },
];

async function measureOnce(
  { process }: Started,
  { work, workers }: (typeof WORKS)[number],
  figures: VariantFigures,
  durationMs: number,
): Promise<void> {
  const before = await process.usage();
  const { result, peakBytes } = await process.peakMemoryDuring(() =>
    process.ask<StorageAnswer>({ work, workers, durationMs } satisfies StorageQuestion),
  );
  const after = await process.usage();
  figures.rounds.push({
    requestsPerSecond: (1_000 * result.operations) / result.elapsedMs,
    megabytesPerSecond: Number.NaN,
    cpuMsPerRequest: (after.cpuMs - before.cpuMs) / result.operations,
    p50Ms: Number.NaN,
    p99Ms: Number.NaN,
    firstByteMs: Number.NaN,
    peakMebibytes: peakBytes / 1_048_576,
    generatorCores: 0,
    changesPerSecond: 0,
  });
}

async function run(bench: Bench): Promise<PartResult> {
  const environment = { PLAN: bench.plan.mode };
  const engine = await bench.startBaseline('engine, through the driver', 'engine-storage', {
    database: 'small',
    environment,
  });
  const bare = await bench.startBaseline('bare lmdb', 'bare-lmdb', { environment });
  const rows: Row[] = [];
  const variants: VariantFigures[] = [];
  for (const kind of WORKS) {
    const [own, theirs] = [engine, bare].map(({ name }): VariantFigures => ({
      part: PART,
      name: `${name}, ${kind.work}`,
      bytesPerReply: 0,
      rounds: [],
    }));
    if (!own || !theirs) throw new Error('A variant is missing.');
    // The first round warms both up.
    for (let round = 0; round <= bench.plan.rounds; round += 1) {
      await measureOnce(engine, kind, own, bench.plan.roundMs);
      await measureOnce(bare, kind, theirs, bench.plan.roundMs);
      bench.step();
    }
    own.rounds.shift();
    theirs.rounds.shift();
    variants.push(own, theirs);
    rows.push(
      ...rowsOf(PART, kind.title, [
        ['operations/s of bare lmdb', least(0.3), ratioOf(own, theirs, 'requestsPerSecond')],
      ]),
    );
  }
  const notes = [
    'storage: a read is a listing (its tasks in order, then their runs by id), each document decoded; a write is a run, acknowledged when it is on disk, in bare lmdb with as many index entries as the engine keeps',
  ];
  return { rows, variants, notes };
}

/** The embedded engine, through the driver, against lmdb by itself. */
export const storage: Part = {
  name: PART,
  databases: ['small'],
  embeddedOnly: true,
  steps: ({ rounds }) => WORKS.length * (rounds + 1),
  run,
};
