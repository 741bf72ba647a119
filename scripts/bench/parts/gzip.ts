import { gunzipSync, gzipSync } from 'node:zlib';
import type { Bench, Started } from '../bench.ts';
import { type Request, jobOf, listingPath, referencesOf } from '../contenders.ts';
import { type PartResult, spreadOf } from '../figures.ts';
import { SHAPES, type Shape, listedAccounts } from '../fill.ts';
import { WrongReply } from '../load.ts';
import { type Part, most, rowsOf } from '../part.ts';
import { fetchWhole } from '../replies.ts';
import { type Contender, FETCH_MS, awaitQuiet, measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'gzip';
const HEADERS = { 'Accept-Encoding': 'gzip' };
/**
 * Maximum ratio of a compressed reply's size to that of the whole body after gzip -6, and of its CPU to that of a plain
 * reply plus gzip -6.
 */
const MOST = 1.1;

/**
 * Fetches a variant's listing, checks its encoding and its uncompressed size, and returns the variant with the size of
 * the reply.
 */
async function contend(
  bench: Bench,
  { name, process, url }: Started,
  { path, headers }: Request,
  plain: Buffer,
): Promise<{ contender: Contender; bytes: number }> {
  await awaitQuiet(FETCH_MS);
  const { body, headers: replied } = await fetchWhole(url, path, headers);
  const isCompressed = replied['content-encoding'] === 'gzip';
  if (isCompressed !== (headers !== undefined))
    throw new WrongReply(
      path,
      `${name}: expected ${headers ? 'gzip' : 'no'} encoding, got ${String(replied['content-encoding'])}`,
    );
  // Compare only the lengths, because baseline (c) may order the fields of an object differently.
  const text = isCompressed ? gunzipSync(body) : body;
  if (text.length !== plain.length)
    throw new WrongReply(path, `${name}: expected ${plain.length} bytes of JSON, got ${text.length}`);
  const job = jobOf(bench, url, [{ path, headers }], { status: 200, sizes: [body.length] });
  return { contender: { name, process, job: { ...job, connections: 1 } }, bytes: body.length };
}

async function measure(
  bench: Bench,
  shape: Shape,
  { path, servers }: { path: string; servers: Record<'service' | 'uncached' | 'zlib', Started> },
): Promise<PartResult> {
  const [reference] = await referencesOf(servers.service, [{ path }]);
  if (!reference) throw new Error(`The bench fetched no reference reply for ${path}.`);
  const asked = (server: Started, how: string, headers?: Request['headers']) =>
    contend(bench, { ...server, name: `${server.name}, ${how}` }, { path, headers }, reference.body);
  const title = shape.title;
  const warm = await asked(servers.service, `${title}, gzip`, HEADERS);
  const warmPlain = await asked(servers.service, `${title}, plain`);
  const cold = await asked(servers.uncached, `${title}, gzip`, HEADERS);
  const coldPlain = await asked(servers.uncached, `${title}, plain`);
  const zlib = await asked(servers.zlib, title, HEADERS);
  const all = [warm, warmPlain, cold, coldPlain, zlib].map(({ contender }) => contender);
  const { variants, roundsOf } = await measureInRounds(PART, all, bench, bench.plan.longRounds);
  /**
   * Returns the CPU of a compressed reply, divided by that of a plain reply plus zlib over the same bytes. Computed
   * round by round.
   */
  const overZlib = (own: Contender, plain: Contender) => {
    const [plains, zlibs] = [roundsOf(plain), roundsOf(zlib.contender)];
    const sum = (at: number) => (plains[at]?.cpuMsPerRequest ?? 0) + (zlibs[at]?.cpuMsPerRequest ?? 0);
    return spreadOf(roundsOf(own).map(({ cpuMsPerRequest }, at) => cpuMsPerRequest / sum(at)));
  };
  const wholeBytes = gzipSync(reference.body).length;
  const rows = rowsOf(PART, `list ${bench.plan.listedTasks} tasks ${title}, gzip`, [
    ['bytes of gzip -6 over the whole', most(MOST), spreadOf([warm.bytes / wholeBytes])],
    ['CPU of plain and gzip -6, warm', most(MOST), overZlib(warm.contender, warmPlain.contender)],
    ['CPU of plain and gzip -6, nothing cached', most(MOST), overZlib(cold.contender, coldPlain.contender)],
  ]);
  const notes = [`gzip: ${title} ${reference.body.length} bytes plain, ${warm.bytes} compressed`];
  return { rows, variants, notes };
}

async function run(bench: Bench): Promise<PartResult> {
  const servers = {
    service: await bench.startService('service', 'shapes'),
    uncached: await bench.startService('service, CACHE_MB=0', 'shapes', { CACHE_MB: '0' }),
    zlib: await bench.startBaseline('(c) gzip -6 of a prebuilt buffer', 'prebuilt', { database: 'shapes' }),
  };
  const accounts = listedAccounts({ ...bench.plan, accounts: SHAPES.length });
  const results = [];
  for (const [at, shape] of SHAPES.entries()) {
    results.push(await measure(bench, shape, { path: listingPath(bench.plan, accounts[at]), servers }));
  }
  return {
    rows: results.flatMap(({ rows }) => rows),
    variants: results.flatMap(({ variants }) => variants),
    notes: results.flatMap(({ notes }) => notes),
  };
}

/** Measures compressed listings of each shape, against plain listings and zlib alone. */
export const gzip: Part = {
  name: PART,
  databases: ['shapes'],
  steps: ({ longRounds }) => SHAPES.length * roundSteps(5, longRounds),
  run,
};
