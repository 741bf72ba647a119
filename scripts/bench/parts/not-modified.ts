import type { Bench, Started } from '../bench.ts';
import { contend, jobOf, listingPath, listingWork, referencesOf } from '../contenders.ts';
import type { PartResult } from '../figures.ts';
import { WrongReply } from '../load.ts';
import { type Part, least, rowsOf } from '../part.ts';
import { fetchWhole } from '../replies.ts';
import { type Contender, measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'not-modified';

/** Creates a contender whose requests send the listing's current ETag; undefined if the service sends no ETag. */
async function conditional(bench: Bench, service: Started, path: string): Promise<Contender | undefined> {
  const { etag } = (await fetchWhole(service.url, path)).headers;
  if (typeof etag !== 'string') return undefined;
  const request = { path, headers: { 'If-None-Match': etag } };
  const reply = await fetchWhole(service.url, path, request.headers);
  if (reply.status !== 304)
    throw new WrongReply(path, `expected status 304 to its own ETag, got ${reply.status}`);
  return {
    ...service,
    name: 'service, 304',
    job: jobOf(bench, service.url, [request], { status: 304, sizes: [0] }),
  };
}

async function run(bench: Bench): Promise<PartResult> {
  const requests = [{ path: listingPath(bench.plan) }];
  const service = await bench.startService('service', 'small');
  const references = await referencesOf(service, requests);
  const express = await bench.startBaseline('(a) express', 'express', { database: 'small' });
  const a = await contend(bench, express, requests, references);
  const unchanged = await conditional(bench, service, listingPath(bench.plan));
  const { variants, ratio } = await measureInRounds(PART, unchanged ? [unchanged, a] : [a], bench);
  const measured = unchanged && ratio('requestsPerSecond', unchanged, a);
  const rows = rowsOf(PART, `${listingWork(bench.plan)}, 304`, [
    ['requests/s of (a)', least(100), measured, unchanged ? undefined : 'no ETag'],
  ]);
  return { rows, variants, notes: [] };
}

/**
 * Measures replies with 304 to a client that already has the listing, against full replies of the Express baseline
 * (a).
 */
export const notModified: Part = {
  name: PART,
  databases: ['small'],
  steps: ({ rounds }) => roundSteps(2, rounds),
  run,
};
