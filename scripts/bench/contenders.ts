import type { Bench, Started } from './bench.ts';
import { listedAccounts } from './fill.ts';
import type { Job } from './load.ts';
import type { BenchPlan } from './plan.ts';
import { type WholeReply, checkSame, fetchWhole } from './replies.ts';
import { type Contender, awaitQuiet } from './rounds.ts';

/** Path of the listing that most bench parts request: all tasks of an account, on one page. */
export function listingPath(plan: BenchPlan, account = listedAccounts(plan)[0]): string {
  return `/api/tasks?account_id=${account}&limit=${plan.listedTasks}`;
}

/** Name of that listing in the results. */
export const listingWork = ({ listedTasks }: BenchPlan) => `list ${listedTasks} tasks × 5 runs`;

/**
 * Time allowed for fetching the references and comparing all variants with them. If a task fired in that time, replies
 * would differ.
 */
const COMPARE_MS = 40_000;

export interface Request {
  path: string;
  headers?: Record<string, string>;
}

/** Creates a job whose connections each repeat one of the requests. Replies must have the given status and sizes. */
export function jobOf(
  { plan }: Bench,
  url: string,
  requests: Request[],
  { status, sizes }: { status: number; sizes: number[] },
): Job {
  return {
    url,
    targets: requests.map(({ path, headers = {} }, at) => ({ path, headers, bytes: sizes[at] })),
    status,
    connections: plan.connections,
    durationMs: plan.roundMs,
  };
}

/**
 * Fetches the service's replies as the reference for those of the other variants.
 * @throws WrongReply if a reply lists no tasks
 */
export async function referencesOf({ name, url }: Started, requests: Request[]): Promise<WholeReply[]> {
  await awaitQuiet(COMPARE_MS);
  const replies = [];
  for (const { path, headers } of requests) {
    const reply = await fetchWhole(url, path, headers);
    checkSame(name, path, reply, reply);
    replies.push(reply);
  }
  return replies;
}

/**
 * Checks that a variant's replies equal the references, and returns it with a job that repeats the requests.
 * @throws WrongReply
 */
export async function contend(
  bench: Bench,
  { name, process, url }: Started,
  requests: Request[],
  references: WholeReply[],
): Promise<Contender> {
  const sizes = [];
  for (const [at, { path, headers }] of requests.entries()) {
    const reply = await fetchWhole(url, path, headers);
    const reference = references[at];
    if (!reference) throw new Error(`The bench fetched no reference reply for ${path}.`);
    checkSame(name, path, reply, reference);
    sizes.push(reply.body.length);
  }
  return { name, process, job: jobOf(bench, url, requests, { status: 200, sizes }) };
}
