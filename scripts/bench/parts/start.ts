import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Bench } from '../bench.ts';
import { type PartResult, spreadOf } from '../figures.ts';
import { MONITORING } from '../monitored.ts';
import { type Part, most } from '../part.ts';
import { fetchWhole } from '../replies.ts';

const PART = 'start';

async function timeOfNode(): Promise<number> {
  const startedAt = performance.now();
  const [code] = await once(spawn(process.execPath, [...MONITORING, '-e', '0'], { stdio: 'ignore' }), 'exit');
  if (code !== 0) throw new Error(`node ended with ${code}`);
  return performance.now() - startedAt;
}

async function timeOfService(bench: Bench): Promise<number> {
  const { environment, discard } = await bench.databases.openFor('small');
  const startedAt = performance.now();
  const service = await bench.startService('service, starting', undefined, environment);
  const reply = await fetchWhole(service.url, '/api/tasks?limit=1');
  const elapsedMs = performance.now() - startedAt;
  if (reply.status !== 200) throw new Error(`The first request had status ${reply.status}`);
  await bench.stop(service.process);
  await discard();
  return elapsedMs;
}

async function run(bench: Bench): Promise<PartResult> {
  const nodes: number[] = [];
  const services: number[] = [];
  for (let round = 0; round < 2 * bench.plan.rounds; round += 1) {
    nodes.push(await timeOfNode());
    services.push(await timeOfService(bench));
    bench.step();
  }
  const node = spreadOf(nodes);
  return {
    rows: [
      {
        part: PART,
        work: 'ready after start, database opened',
        measure: 'over node itself',
        target: most(400),
        unit: 'ms',
        measured: spreadOf(services.map((time, round) => time - (nodes[round] ?? Number.NaN))),
      },
    ],
    variants: [],
    notes: [
      `start: to the whole 200 of GET /api/tasks?limit=1 ${Math.round(spreadOf(services).median)} ms, node -e 0 to its end ${Math.round(node.median)} ms, both with the module by which the bench looks into a process`,
    ],
  };
}

/** Time from the start of the process to its first reply, on an existing database. */
export const start: Part = {
  name: PART,
  databases: ['small'],
  steps: ({ rounds }) => 2 * rounds,
  run,
};
