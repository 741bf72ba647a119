import type { Bench } from '../bench.ts';
import { changeTitle } from '../changes.ts';
import { contend, listingPath, listingWork, referenceOf } from '../contenders.ts';
import { type PartResult, spreadOf } from '../figures.ts';
import { type Part, least, rowsOf } from '../part.ts';
import { type Contender, measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'changing';
const CHANGES_PER_SECOND = 50;

async function run(bench: Bench): Promise<PartResult> {
  const request = { path: listingPath(bench.plan) };
  const service = await bench.startService('service, changing', 'small');
  const express = await bench.startBaseline('(a) express, changing', 'express', { database: 'small' });
  const before = await referenceOf(service, request);
  const taskId: string = JSON.parse(before.body.toString()).tasks[0].id;
  await changeTitle(service.url, taskId, 0);
  await changeTitle(express.url, taskId, 0);
  const reference = await referenceOf(service, request);
  const changes = { taskId, perSecond: CHANGES_PER_SECOND };
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
  const achieved = variants.map(
    ({ name, rounds }) =>
      `${name} ${Math.round(spreadOf(rounds.map((round) => round.changesPerSecond)).median)}`,
  );
  return { rows, variants, notes: [`changing: changes a second, all acknowledged: ${achieved.join('; ')}`] };
}

/** The listing while one of its tasks changes, by PATCH over HTTP to the same process, against (a). */
export const changing: Part = {
  name: PART,
  databases: ['small'],
  steps: ({ rounds }) => roundSteps(2, rounds),
  run,
};
