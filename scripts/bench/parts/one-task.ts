import type { Bench, Started } from '../bench.ts';
import { jobOf, listingPath, referenceOf } from '../contenders.ts';
import type { PartResult } from '../figures.ts';
import type { Target } from '../load.ts';
import { type Part, least, rowsOf } from '../part.ts';
import { checkSame, fetchWhole } from '../replies.ts';
import { type Contender, FETCH_MS, awaitQuiet, measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'one-task';

/** A variant that is asked for one task after the other, drawn at random. */
async function contend(
  bench: Bench,
  { name, process, url }: Started,
  paths: string[],
  { service, headers }: { service: Started; headers: Record<string, string> },
): Promise<Contender> {
  const targets: Target[] = [];
  await awaitQuiet(FETCH_MS);
  for (const path of paths) {
    const reply = await fetchWhole(url, path, headers);
    checkSame(name, path, reply, await fetchWhole(service.url, path, headers));
    targets.push({ path, bytes: reply.body.length });
  }
  const job = jobOf(bench, url, { path: '', headers }, { status: 200, body: Buffer.alloc(0) });
  return { name, process, job: { ...job, targets } };
}

async function run(bench: Bench): Promise<PartResult> {
  const headers = { 'x-api-key': bench.databases.keyOf('small') };
  const service = await bench.startService('service, one task, with a key', 'small', { AUTH: 'required' });
  const express = await bench.startBaseline('(a) express, one task', 'express', { database: 'small' });
  const { body } = await referenceOf(service, { path: listingPath(bench.plan), headers });
  const { tasks }: { tasks: { id: string }[] } = JSON.parse(body.toString());
  const paths = tasks.map(({ id }) => `/api/tasks?id=${id}`);
  const own = await contend(bench, service, paths, { service, headers });
  const a = await contend(bench, express, paths, { service, headers });
  const { variants, ratio } = await measureInRounds(PART, [own, a], bench);
  const rows = rowsOf(PART, 'one task by id, validated, with a key', [
    ['requests/s of (a)', least(1), ratio('requestsPerSecond', own, a)],
  ]);
  return { rows, variants, notes: [] };
}

/** One task by id with validation and credentials, against (a), which has neither. */
export const oneTask: Part = {
  name: PART,
  databases: ['small'],
  steps: ({ rounds }) => roundSteps(2, rounds),
  run,
};
