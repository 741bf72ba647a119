import {
  type Run,
  type Task,
  createClient,
  createTask,
  listRuns,
  listTasks,
  pagesOf,
} from 'recoup-tasks/client';

const client = createClient({ timeoutMs: 10_000 });

function lastRun(task: Task): Run | undefined {
  return task.recent_runs[0];
}

const { data, error } = await listTasks({ client, query: { enabled: true } });
if (error) throw new Error(`${error.code}: ${error.error}`);
const statuses = data.tasks.map((task) => lastRun(task)?.status);

// @ts-expect-error: there is no such parameter
void listTasks({ client, query: { enable: true } }).catch(() => undefined);
// @ts-expect-error: a number is no title
export const wrong: Task['title'] = 1;

for await (const { tasks } of pagesOf(listTasks, { client, query: { enabled: false } }))
  tasks satisfies Task[];

for await (const { runs } of pagesOf(listRuns, { client, query: { status: ['FAILED', 'CRASHED'] } }))
  runs satisfies Run[];
// @ts-expect-error: there is no such status
void (() => pagesOf(listRuns, { client, query: { status: ['DONE'] } }));
// @ts-expect-error: that operation has no pages
void (() => pagesOf(createTask, { client, query: {} }));

let count = 0;
for await (const { tasks } of pagesOf(listTasks, { client, query: { limit: 4 } })) count += tasks.length;
process.stdout.write(JSON.stringify({ statuses: statuses.includes('COMPLETED'), count }));
