import type { Bench, Started } from '../bench.ts';
import { contend, listingPath, referencesOf } from '../contenders.ts';
import { type PartResult, type Row, spreadOf } from '../figures.ts';
import { type DatabaseName, SHAPES, listedAccounts } from '../fill.ts';
import { WrongReply } from '../load.ts';
import { type Part, most, rowsOf } from '../part.ts';
import { fetchWhole } from '../replies.ts';
import { FETCH_MS, awaitQuiet, measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'summary';
const PAGE = 1_000;
const SUMMARY = '&runs=summary';

type Factors = Parameters<typeof rowsOf>[2];

/** Index of the shape with the largest runs. */
const LARGEST = SHAPES.length - 1;

function startUncached(bench: Bench, database: DatabaseName): Promise<Started> {
  return bench.startService('service, CACHE_MB=0', database, { CACHE_MB: '0' });
}

/** Measures a page of tasks with summaries of their runs against the same page with full runs, without a cache. */
async function measurePage(
  bench: Bench,
  service: Started,
  { title, path, mostBytes }: { title: string; path: string; mostBytes?: number },
): Promise<PartResult> {
  const prepare = async (how: string, asked: string) => {
    const requests = [{ path: asked }];
    const named = { ...service, name: `${service.name}, ${title}, ${how}` };
    const contender = await contend(bench, named, requests, await referencesOf(named, requests));
    return { ...contender, job: { ...contender.job, connections: 1 } };
  };
  const full = await prepare('full', path);
  const summary = await prepare('summary', `${path}${SUMMARY}`);
  const { variants, ratio } = await measureInRounds(PART, [full, summary], bench);
  const bytesOf = ({ job }: typeof full) => job.targets[0]?.bytes ?? Number.NaN;
  const share = bytesOf(summary) / bytesOf(full);
  const work = `list ${bench.plan.listedTasks} tasks ${title}, summaries, nothing cached`;
  const bytes: Factors =
    mostBytes === undefined ? [] : [['bytes of the full page', most(mostBytes), spreadOf([share])]];
  const cpu: Factors = [['CPU of the full page', most(1 / 3), ratio('cpuMsPerRequest', summary, full)]];
  const rows = rowsOf(PART, work, [...bytes, ...cpu]);
  const notes = [
    `summary: ${title} ${bytesOf(full)} bytes in full, ${bytesOf(summary)} as summaries (${share.toFixed(3)}×)`,
  ];
  return { rows, variants, notes };
}

/** Reads all pages of an account's listing, and returns the number of tasks. */
async function readPages({ url }: Started, account: string | undefined): Promise<number> {
  let tasks = 0;
  let cursor: string | undefined;
  do {
    const position = cursor === undefined ? '' : `&cursor=${cursor}`;
    const path = `/api/tasks?account_id=${account}&limit=${PAGE}${SUMMARY}${position}`;
    const { status, body } = await fetchWhole(url, path);
    if (status !== 200) throw new WrongReply(path, `expected status 200, got ${status}`);
    const page: { tasks: unknown[]; next_cursor?: string } = JSON.parse(body.toString());
    tasks += page.tasks.length;
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return tasks;
}

async function measureAll(bench: Bench, service: Started, account: string | undefined): Promise<Row> {
  const { longRounds, summaryTasks } = bench.plan;
  const times = [];
  for (let round = 0; round < longRounds; round += 1) {
    await awaitQuiet(FETCH_MS);
    const startedAt = performance.now();
    const tasks = await readPages(service, account);
    times.push(performance.now() - startedAt);
    if (tasks !== summaryTasks) throw new Error(`Expected ${summaryTasks} tasks on all pages, got ${tasks}.`);
    bench.step();
  }
  return {
    part: PART,
    work: `list ${summaryTasks.toLocaleString('en-US')} tasks × 5 runs in pages of ${PAGE}, summaries, nothing cached`,
    measure: 'all pages, parsed',
    target: most(2_000),
    unit: 'ms',
    measured: spreadOf(times),
  };
}

async function run(bench: Bench): Promise<PartResult> {
  const { plan } = bench;
  const seeded = await startUncached(bench, 'summaries');
  const [account] = listedAccounts(plan);
  const all = await measureAll(bench, seeded, account);
  const small = await measurePage(bench, seeded, { title: '× 5 runs', path: listingPath(plan) });
  await bench.stopAll();
  const shapes = await startUncached(bench, 'shapes');
  const large = await measurePage(bench, shapes, {
    title: SHAPES[LARGEST]?.title ?? '',
    path: listingPath(plan, listedAccounts({ ...plan, accounts: SHAPES.length })[LARGEST]),
    mostBytes: 1 / 10,
  });
  return {
    rows: [...large.rows, ...small.rows, all],
    variants: [...large.variants, ...small.variants],
    notes: [...large.notes, ...small.notes],
  };
}

/** Measures listings with summaries of runs against listings with full runs. */
export const summary: Part = {
  name: PART,
  databases: ['summaries', 'shapes'],
  steps: ({ rounds, longRounds }) => 2 * roundSteps(2, rounds) + longRounds,
  run,
};
