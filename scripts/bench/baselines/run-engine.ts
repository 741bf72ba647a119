/**
 * The stub of a run engine that (d) asks: for each task its schedule, fire times and last runs, ready as JSON, after a
 * latency of LATENCY_MS.
 */
import { setTimeout } from 'node:timers/promises';
import { readTasks } from './read-tasks.ts';
import { listenUntilEnded, openOwn } from './serve.ts';

const latencyMs = Number(process.env.LATENCY_MS ?? 0);
const { collections, close } = await openOwn();
const bodies = new Map<string, Buffer>();
const account = process.env.ACCOUNT;
for (const task of await readTasks(collections, { account_id: account })) {
  const schedule = `/schedules/${task.trigger_schedule_id}`;
  bodies.set(schedule, Buffer.from(JSON.stringify({ cron: task.schedule, timezone: task.timezone })));
  bodies.set(`${schedule}/upcoming`, Buffer.from(JSON.stringify({ upcoming: task.upcoming })));
  bodies.set(`/runs/${task.trigger_schedule_id}`, Buffer.from(JSON.stringify({ runs: task.recent_runs })));
}
await close();

await listenUntilEnded(async (request, response) => {
  if (latencyMs > 0) await setTimeout(latencyMs);
  const body = bodies.get(request.url ?? '');
  response.writeHead(body ? 200 : 404, {
    'Content-Type': 'application/json',
    'Content-Length': body?.length ?? 0,
  });
  response.end(body);
});
