import type { Bench } from '../bench.ts';
import { contend, listingPath, referencesOf } from '../contenders.ts';
import type { PartResult } from '../figures.ts';
import { type Part, least, rowsOf } from '../part.ts';
import { measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'one-task';

async function run(bench: Bench): Promise<PartResult> {
  const headers = { 'x-api-key': bench.databases.keyOf('small') };
  const service = await bench.startService('service, one task, with a key', 'small', { AUTH: 'required' });
  const express = await bench.startBaseline('(a) express, one task', 'express', { database: 'small' });
  const [listing] = await referencesOf(service, [{ path: listingPath(bench.plan), headers }]);
  const { tasks }: { tasks: { id: string }[] } = JSON.parse(String(listing?.body));
  const requests = tasks
    .slice(0, bench.plan.connections)
    .map(({ id }) => ({ path: `/api/tasks?id=${id}`, headers }));
  const references = await referencesOf(service, requests);
  const own = await contend(bench, service, requests, references);
  const a = await contend(bench, express, requests, references);
  const { variants, ratio } = await measureInRounds(PART, [own, a], bench);
  const rows = rowsOf(PART, 'one task by id, validated, with a key', [
    ['requests/s of (a)', least(1), ratio('requestsPerSecond', own, a)],
  ]);
  return { rows, variants, notes: [] };
}

/**
 * Measures reading one task by id with validation and an API key, against the Express baseline (a), which has neither.
 */
export const oneTask: Part = {
  name: PART,
  databases: ['small'],
  steps: ({ rounds }) => roundSteps(2, rounds),
  run,
};
