import type { Bench, Started } from './bench.ts';
import { listedAccounts } from './fill.ts';
import type { Job } from './load.ts';
import type { BenchPlan } from './plan.ts';
import { type WholeReply, checkSame, fetchWhole } from './replies.ts';
import { type Contender, FETCH_MS, awaitQuiet } from './rounds.ts';

/** The listing that all is measured by: a page of one account's tasks, which are as many as the page holds. */
export function listingPath(plan: BenchPlan, account = listedAccounts(plan)[0]): string {
  return `/api/tasks?account_id=${account}&limit=${plan.listedTasks}`;
}

/** Its name in the results. */
export const listingWork = ({ listedTasks }: BenchPlan) => `list ${listedTasks} tasks × 5 runs`;

export interface Request {
  path: string;
  headers?: Record<string, string>;
}

/** A job whose connections each repeat one of the requests, with the size of the right replies. */
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
 * The service's replies, which those of others are compared with.
 * @throws WrongReply where one lists no tasks
 */
export async function referencesOf({ name, url }: Started, requests: Request[]): Promise<WholeReply[]> {
  const replies = [];
  for (const { path, headers } of requests) {
    await awaitQuiet(FETCH_MS);
    const reply = await fetchWhole(url, path, headers);
    checkSame(name, path, reply, reply);
    replies.push(reply);
  }
  return replies;
}

/**
 * A variant whose connections each repeat one of the requests, once its replies have been found equal to the references.
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
    await awaitQuiet(FETCH_MS);
    const reply = await fetchWhole(url, path, headers);
    const reference = references[at];
    if (!reference) throw new Error(`There is no reference for ${path}.`);
    checkSame(name, path, reply, reference);
    sizes.push(reply.body.length);
  }
  return { name, process, job: jobOf(bench, url, requests, { status: 200, sizes }) };
}
