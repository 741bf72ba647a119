import type { Bench, Started } from './bench.ts';
import { listedAccounts } from './fill.ts';
import type { Job } from './load.ts';
import type { BenchPlan } from './plan.ts';
import { type WholeReply, checkSame, fetchWhole } from './replies.ts';
import { type Contender, FETCH_MS, awaitQuiet } from './rounds.ts';

/** The listing that all is measured by: a page of one account's tasks, which are as many as the page holds. */
export function listingPath(plan: BenchPlan): string {
  return `/api/tasks?account_id=${listedAccounts(plan).listed}&limit=${plan.listedTasks}`;
}

/** What it is called. */
export const listingWork = ({ listedTasks }: BenchPlan) => `list ${listedTasks} tasks × 5 runs`;

interface Request {
  path: string;
  headers?: Record<string, string>;
}

/** A job that asks for one thing, whose right reply is there to be compared with. */
export function jobOf(
  { plan }: Bench,
  url: string,
  { path, headers = {} }: Request,
  right: { status: number; body: Buffer },
): Job {
  return {
    url,
    targets: [{ path, bytes: right.body.length }],
    headers,
    status: right.status,
    connections: plan.connections,
    durationMs: plan.roundMs,
  };
}

/**
 * The service's reply, which those of others are compared with.
 * @throws WrongReply where it lists no tasks
 */
export async function referenceOf({ name, url }: Started, request: Request): Promise<WholeReply> {
  await awaitQuiet(FETCH_MS);
  const reply = await fetchWhole(url, request.path, request.headers);
  checkSame(name, request.path, reply, reply);
  return reply;
}

/**
 * A variant that is asked for something in each round, once its reply has been found to say what the reference says.
 * @throws WrongReply
 */
export async function contend(
  bench: Bench,
  { name, process, url }: Started,
  request: Request,
  reference: WholeReply,
): Promise<Contender> {
  await awaitQuiet(FETCH_MS);
  const reply = await fetchWhole(url, request.path, request.headers);
  checkSame(name, request.path, reply, reference);
  return { name, process, job: jobOf(bench, url, request, reply) };
}
