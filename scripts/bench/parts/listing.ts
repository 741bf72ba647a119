import type { Bench, Started } from '../bench.ts';
import { type Request, contend, listingPath, listingWork, referencesOf } from '../contenders.ts';
import type { PartResult } from '../figures.ts';
import { listedAccounts } from '../fill.ts';
import { type Part, least, most, rowsOf } from '../part.ts';
import { type Contender, measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'listing';

interface Servers {
  service: Started;
  uncached: Started;
  express: Started;
}

/** A group of concurrent connections, each of which repeats one of the requests. */
interface Callers {
  part: string;
  requests: Request[];
  connections: number;
  how: string;
}

/**
 * Measures the service with a warm cache and without a cache, against the Express baseline (a) with the same callers.
 */
async function measure(
  bench: Bench,
  { service, uncached, express }: Servers,
  { part, requests, connections, how }: Callers,
): Promise<PartResult> {
  const references = await referencesOf(service, requests);
  const asked = async (server: Started): Promise<Contender> => {
    const { job, ...contender } = await contend(bench, server, requests, references);
    return { ...contender, name: `${server.name}, ${how}`, job: { ...job, connections } };
  };
  const [warm, cold, a] = [await asked(service), await asked(uncached), await asked(express)];
  const { variants, ratio } = await measureInRounds(part, [warm, cold, a], bench);
  const work = `${listingWork(bench.plan)}, ${how}`;
  const rows = [
    ...rowsOf(part, `${work}, warm`, [
      ['CPU per request of (a)', most(1 / 8), ratio('cpuMsPerRequest', warm, a)],
      ['requests/s of (a)', least(6), ratio('requestsPerSecond', warm, a)],
    ]),
    ...rowsOf(part, `${work}, nothing cached`, [
      ['CPU per request of (a)', most(2 / 3), ratio('cpuMsPerRequest', cold, a)],
      ['requests/s of (a)', least(1.5), ratio('requestsPerSecond', cold, a)],
    ]),
  ];
  return { rows, variants, notes: [] };
}

async function run(bench: Bench): Promise<PartResult> {
  const { plan, databases } = bench;
  const required = { AUTH: 'required' };
  const servers = {
    service: await bench.startService('service', 'small', required),
    uncached: await bench.startService('service, CACHE_MB=0', 'small', { ...required, CACHE_MB: '0' }),
    express: await bench.startBaseline('(a) express', 'express', { database: 'small' }),
  };
  const requests: Request[] = listedAccounts(plan).map((account) => ({
    path: listingPath(plan, account),
    headers: { 'x-api-key': databases.keyOf('small', account) },
  }));
  const [first] = requests;
  if (!first) throw new Error('The plan has no accounts to list: accounts must be at least 1.');
  const { connections } = plan;
  const callers: Callers[] = [
    { part: PART, requests, connections, how: `${connections} callers, own tasks` },
    { part: `${PART}, one caller`, requests: [first], connections: 1, how: 'one caller' },
    { part: `${PART}, same URL`, requests: [first], connections, how: `${connections} callers, same URL` },
  ];
  const results = [];
  for (const some of callers) results.push(await measure(bench, servers, some));
  const notes = [
    'listing: callers of the same URL that wait at the same time share one lookup; callers with their own account, key and URL share none',
  ];
  return {
    rows: results.flatMap(({ rows }) => rows),
    variants: results.flatMap(({ variants }) => variants),
    notes,
  };
}

/**
 * Measures the listing against the Express baseline (a): many callers that each list their own tasks, one caller, and
 * many callers of the same URL.
 */
export const listing: Part = {
  name: PART,
  databases: ['small'],
  steps: ({ rounds }) => 3 * roundSteps(3, rounds),
  run,
};
