/**
 * (d) The original's way: the tasks are the database's, but for each of them three calls ask the run engine, in every
 * request. CALLS=parallel asks for all of them at once, the kindest way there is; CALLS=serial for one after the other.
 */
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { text } from 'node:stream/consumers';
import express from 'express';
import type { TaskDocument } from '../../../src/tasks/document.ts';
import { type TaskQuery, filterOf } from './read-tasks.ts';
import { serve } from './serve.ts';

const engine = process.env.RUN_ENGINE_URL ?? '';
const agent = new Agent({ keepAlive: true });

async function call(path: string): Promise<unknown> {
  const [response] = await once(get(`${engine}${path}`, { agent }), 'response');
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`The run engine answered ${response.statusCode}`);
  return JSON.parse(body);
}

async function inOrder<Item, Result>(
  items: Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  if (process.env.CALLS !== 'serial') return Promise.all(items.map(work));
  const results = [];
  for (const item of items) results.push(await work(item));
  return results;
}

async function askEngine({ trigger_schedule_id: id }: TaskDocument): Promise<object> {
  const [, upcoming, runs] = await inOrder(
    [`/schedules/${id}`, `/schedules/${id}/upcoming`, `/runs/${id}`],
    call,
  );
  return Object.assign({}, upcoming, runs);
}

await serve(({ tasks, accounts }) => {
  const app = express();
  app.get('/api/tasks', async (request, response) => {
    const query: TaskQuery = request.query;
    const limit = Number(query.limit);
    const found = await tasks
      .find(filterOf(query), { batchSize: limit + 1 })
      .sort({ created_at: -1, _id: 1 })
      .limit(limit)
      .toArray();
    const owners = await accounts
      .find({ _id: { $in: [...new Set(found.map(({ account_id }) => account_id))] } })
      .toArray();
    const emails = new Map(owners.map(({ _id, email }) => [_id, email]));
    const shown = await inOrder(found, async (task) => {
      const {
        _id,
        created_at: _created,
        recent_runs: _runs,
        runs_account_id: _account,
        version: _version,
        ...fields
      } = task;
      const { runs, upcoming }: { runs?: unknown; upcoming?: unknown } = await askEngine(task);
      return {
        id: _id,
        ...fields,
        recent_runs: runs,
        upcoming,
        owner_email: emails.get(task.account_id) ?? null,
      };
    });
    response.json({ status: 'success', tasks: shown });
  });
  return app;
});
