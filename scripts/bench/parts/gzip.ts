import { gunzipSync, gzipSync } from 'node:zlib';
import type { Bench } from '../bench.ts';
import { contend, jobOf, listingPath, listingWork, referenceOf } from '../contenders.ts';
import { type PartResult, spreadOf } from '../figures.ts';
import { WrongReply } from '../load.ts';
import { type Part, most, rowsOf } from '../part.ts';
import { fetchWhole } from '../replies.ts';
import { FETCH_MS, awaitQuiet, measureInRounds, roundSteps } from '../rounds.ts';

const PART = 'gzip';
const HEADERS = { 'Accept-Encoding': 'gzip' };
const WHOLE_LEVEL = 6;

async function run(bench: Bench): Promise<PartResult> {
  const request = { path: listingPath(bench.plan), headers: HEADERS };
  const work = `${listingWork(bench.plan)}, gzip, warm`;
  const service = await bench.startService('service', 'small');
  const plainRequest = { path: request.path };
  const plain = await contend(bench, service, plainRequest, await referenceOf(service, plainRequest));
  await awaitQuiet(FETCH_MS);
  const { body } = await fetchWhole(service.url, request.path);
  const reply = await fetchWhole(service.url, request.path, HEADERS);
  const compresses = reply.headers['content-encoding'] === 'gzip';
  if (compresses && !gunzipSync(reply.body).equals(body))
    throw new WrongReply(request.path, 'gzip of other bytes');
  const gzip = { ...service, name: 'service, gzip', job: jobOf(bench, service.url, request, reply) };
  const { variants, ratio } = await measureInRounds(PART, compresses ? [plain, gzip] : [plain], bench);
  const note = compresses ? undefined : 'no gzip';
  const wholeBytes = gzipSync(body, { level: WHOLE_LEVEL }).length;
  const rows = rowsOf(PART, work, [
    [
      'CPU per request of plain',
      most(3),
      compresses ? ratio('cpuMsPerRequest', gzip, plain) : undefined,
      note,
    ],
    [
      `bytes of gzip -${WHOLE_LEVEL} over the whole`,
      most(1.5),
      compresses ? spreadOf([reply.body.length / wholeBytes]) : undefined,
      note,
    ],
  ]);
  const notes = [
    `gzip: ${body.length} bytes plain, ${compresses ? reply.body.length : 'none'} compressed, ${wholeBytes} by gzip -${WHOLE_LEVEL} over the whole`,
  ];
  return { rows, variants, notes };
}

/** The listing compressed, against the plain one. */
export const gzip: Part = {
  name: PART,
  databases: ['small'],
  steps: ({ rounds }) => roundSteps(2, rounds),
  run,
};
