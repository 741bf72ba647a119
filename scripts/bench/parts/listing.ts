import type { Bench } from '../bench.ts';
import { contend, listingPath, listingWork, referenceOf } from '../contenders.ts';
import type { PartResult } from '../figures.ts';
import { type Part, least, most, rowsOf } from '../part.ts';
import { measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'listing';

async function run(bench: Bench): Promise<PartResult> {
  const request = { path: listingPath(bench.plan) };
  const service = await bench.startService('service', 'small');
  const reference = await referenceOf(service, request);
  const uncached = await bench.startService('service, CACHE_MB=0', 'small', { CACHE_MB: '0' });
  const express = await bench.startBaseline('(a) express', 'express', { database: 'small' });
  const fastify = await bench.startBaseline('(b) fastify', 'fastify', { database: 'small' });
  const prebuilt = await bench.startBaseline('(c) prebuilt', 'prebuilt', { database: 'small' });
  const warm = await contend(bench, service, request, reference);
  const cold = await contend(bench, uncached, request, reference);
  const a = await contend(bench, express, request, reference);
  const b = await contend(bench, fastify, request, reference);
  const c = await contend(bench, prebuilt, request, reference);
  const { variants, ratio } = await measureInRounds(PART, [warm, cold, a, b, c], bench);
  const work = listingWork(bench.plan);
  const rows = [
    ...rowsOf(PART, `${work}, warm`, [
      ['requests/s of (a)', least(6), ratio('requestsPerSecond', warm, a)],
      ['requests/s of (b)', least(6), ratio('requestsPerSecond', warm, b)],
      ['CPU per request of (a)', most(1 / 8), ratio('cpuMsPerRequest', warm, a)],
      ['requests/s of (c)', least(0.7), ratio('requestsPerSecond', warm, c)],
    ]),
    ...rowsOf(PART, `${work}, no part cached`, [
      ['requests/s of (a)', least(1.5), ratio('requestsPerSecond', cold, a)],
    ]),
  ];
  return { rows, variants, notes: [] };
}

/** The listing, warm and with nothing cached, against (a), (b) and (c). */
export const listing: Part = {
  name: PART,
  databases: ['small'],
  steps: ({ rounds }) => roundSteps(5, rounds),
  run,
};
