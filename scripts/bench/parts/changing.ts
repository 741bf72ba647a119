import type { Bench } from '../bench.ts';
import { contend, listingPath, listingWork, referenceOf } from '../contenders.ts';
import type { PartResult } from '../figures.ts';
import { type Part, least, rowsOf } from '../part.ts';
import { type Contender, measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'changing';
const CHANGES_PER_SECOND = 50;
/** As long as those that it is changed to, so that the listing's length stays the same. */
const TITLE = 'Changed 000000000';

async function run(bench: Bench): Promise<PartResult> {
  const request = { path: listingPath(bench.plan) };
  const service = await bench.startService('service, changing', 'small');
  const express = await bench.startBaseline('(a) express, changing', 'express', { database: 'small' });
  const before = await referenceOf(service, request);
  const taskId: string = JSON.parse(before.body.toString()).tasks[0].id;
  for (const { url } of [service, express]) {
    const reply = await fetch(`${url}/api/tasks`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ id: taskId, title: TITLE }),
    });
    if (!reply.ok) throw new Error(`PATCH: ${await reply.text()}`);
  }
  const reference = await referenceOf(service, request);
  const changes = { taskId, perSecond: CHANGES_PER_SECOND, headers: {} };
  const changing = ({ job, ...contender }: Contender): Contender => ({
    ...contender,
    job: { ...job, changes },
  });
  const own = changing(await contend(bench, service, request, reference));
  const a = changing(await contend(bench, express, request, reference));
  const { variants, ratio } = await measureInRounds(PART, [own, a], bench);
  const rows = rowsOf(PART, `${listingWork(bench.plan)}, one changing ${CHANGES_PER_SECOND} times a second`, [
    ['requests/s of (a)', least(4), ratio('requestsPerSecond', own, a)],
  ]);
  return { rows, variants, notes: [] };
}

/** The listing while one of its tasks changes, by PATCH over HTTP to the same process, against (a). */
export const changing: Part = {
  name: PART,
  databases: ['small'],
  steps: ({ rounds }) => roundSteps(2, rounds),
  run,
};
