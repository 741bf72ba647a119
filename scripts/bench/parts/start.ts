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
  if (code !== 0) throw new Error(`Expected node to exit with 0, but it exited with ${code}.`);
  return performance.now() - startedAt;
}

async function timeOfService(bench: Bench): Promise<number> {
  const { environment, discard } = await bench.databases.openFor('small');
  const startedAt = performance.now();
  const service = await bench.startService('service, starting', undefined, environment);
  const reply = await fetchWhole(service.url, '/api/tasks?limit=1');
  const elapsedMs = performance.now() - startedAt;
  if (reply.status !== 200) throw new Error(`Expected status 200 to the first request, got ${reply.status}.`);
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
      `start: the first reply to GET /api/tasks?limit=1 was complete after ${Math.round(spreadOf(services).median)} ms; node -e 0 took ${Math.round(node.median)} ms; both processes load the module with which the bench measures them`,
    ],
  };
}

/** Measures the time from the start of the process to the end of its first reply, on an existing database. */
export const start: Part = {
  name: PART,
  databases: ['small'],
  steps: ({ rounds }) => 2 * rounds,
  run,
};
