/** Reads all tasks and runs with types that openapi-typescript makes of the spec. */
import createClient from 'openapi-fetch';
import type { components, paths } from './schema.js';

const client = createClient<paths>({ baseUrl: process.env.RECOUP_TASKS_URL });

type Query = NonNullable<paths['/api/tasks/runs']['get']['parameters']['query']>;

async function runsOf(query: Query) {
  const { data, error } = await client.GET('/api/tasks/runs', { params: { query } });
  if (error) throw new Error(`${error.code}: ${error.error}`);
  return data;
}

const { data, error } = await client.GET('/api/tasks');
if (error) throw new Error(`${error.code}: ${error.error}`);
const tasks: components['schemas']['Task'][] = data.tasks;
let runs = 0;
let captions = 0;
let cursor: string | undefined;
do {
  const page = await runsOf({ limit: 100, cursor });
  for (const { id } of page.runs) {
    const output = (await runsOf({ runId: id })).runs[0]?.output;
    runs += 1;
    if (typeof output === 'object' && output && 'captionText' in output) captions += 1;
  }
  cursor = page.next_cursor;
} while (cursor);
// This client repeats the parameter: it does not know `explode: false` at run time.
const failed = await runsOf({ limit: 100, status: ['FAILED', 'CRASHED'] });
// @ts-expect-error: there is no such status
void (() => runsOf({ status: ['DONE'] }));
process.stdout.write(JSON.stringify({ tasks: tasks.length, runs, captions, failed: failed.runs.length }));
