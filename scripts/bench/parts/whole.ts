import type { Bench, Started } from '../bench.ts';
import { type PartResult, type Row, type VariantFigures, ratioOf, spreadOf } from '../figures.ts';
import { type Job, WrongReply } from '../load.ts';
import { type Part, least, most } from '../part.ts';
import { measureRound } from '../rounds.ts';

const PART = 'whole';
const PATH = '/api/tasks';

interface Lister extends Started {
  idleMebibytes: number;
  figures: VariantFigures;
}

async function prepare(started: Started): Promise<Lister> {
  const figures = { part: PART, name: started.name, bytesPerReply: 0, rounds: [] };
  return { ...started, idleMebibytes: (await started.process.memoryBytes()) / 1_048_576, figures };
}

async function list(
  { url, process, name, figures }: Lister,
  bench: Bench,
  headers: Record<string, string> = {},
): Promise<number> {
  // Accept any length, because it is unknown in advance. `run` compares the lengths of the variants.
  const job: Job = {
    url,
    targets: [{ path: PATH, headers }],
    status: 200,
    connections: 1,
    durationMs: 0,
  };
  const round = await measureRound({ name, process, job }, bench);
  figures.rounds.push(round);
  bench.step();
  return Math.round((round.megabytesPerSecond / round.requestsPerSecond) * 1e6);
}

async function run(bench: Bench): Promise<PartResult> {
  const own = await prepare(await bench.startService('service, all tasks', 'many'));
  const a = await prepare(
    await bench.startBaseline('(a) express, all tasks', 'express', { database: 'many' }),
  );
  const gzip: Lister = {
    ...own,
    name: `${own.name}, gzip`,
    figures: { ...own.figures, name: `${own.name}, gzip`, rounds: [] },
  };
  for (let round = 0; round < bench.plan.longRounds; round += 1) {
    const bytes = await list(own, bench);
    const others = await list(a, bench);
    gzip.figures.bytesPerReply = await list(gzip, bench, { 'Accept-Encoding': 'gzip' });
    own.figures.bytesPerReply = bytes;
    a.figures.bytesPerReply = others;
    if (bytes !== others) throw new WrongReply(PATH, `the service sends ${bytes} bytes, (a) ${others}`);
  }
  const work = `${bench.plan.manyTasks.toLocaleString('en-US')} tasks in one reply`;
  const rounds = own.figures.rounds;
  const rows: Row[] = [
    {
      part: PART,
      work,
      measure: 'memory over idle',
      target: most(64),
      unit: 'MB',
      measured: spreadOf(rounds.map(({ peakMebibytes }) => (peakMebibytes - own.idleMebibytes) * 1.048_576)),
    },
    {
      part: PART,
      work,
      measure: 'to the first byte',
      target: most(100),
      unit: 'ms',
      measured: spreadOf(rounds.map(({ firstByteMs }) => firstByteMs)),
    },
    {
      part: PART,
      work,
      measure: 'bytes/s of (a), streaming',
      target: least(3),
      unit: '×',
      measured: ratioOf(own.figures, a.figures, 'megabytesPerSecond'),
    },
    {
      part: PART,
      work: `${work}, gzip`,
      measure: 'CPU of plain, streaming',
      target: most(1.5),
      unit: '×',
      measured: ratioOf(gzip.figures, own.figures, 'cpuMsPerRequest'),
    },
  ];
  const notes = [
    `whole: ${(own.figures.bytesPerReply / 1e6).toFixed(1)} MB plain, ${(gzip.figures.bytesPerReply / 1e6).toFixed(1)} MB compressed; most tasks have only one run, so that filling stays fast; "idle" is a process that has just started; (a) reads 100 tasks at a time from a cursor, joins them with $in, and waits for drain`,
  ];
  return { rows, variants: [own.figures, gzip.figures, a.figures], notes };
}

/** Measures listing all tasks of the large database in one reply, to one client. */
export const whole: Part = {
  name: PART,
  databases: ['many'],
  steps: ({ longRounds }) => 3 * longRounds,
  run,
};
