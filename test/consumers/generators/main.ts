/** Reads all tasks and runs with the client that openapi-generator makes. Argument: the URL. */
import { Configuration, RunStatus, RunsApi, TasksApi } from './client/index.ts';

const configuration = new Configuration({ basePath: process.argv[2] });
const api = new RunsApi(configuration);
const { tasks } = await new TasksApi(configuration).listTasks();
let runs = 0;
let captions = 0;
let cursor: string | undefined;
do {
  const page = await api.listRuns({ limit: 100, cursor });
  for (const { id } of page.runs) {
    const [run] = (await api.listRuns({ runId: id })).runs;
    runs += 1;
    const output: unknown = run?.output;
    if (typeof output === 'object' && output && 'captionText' in output) captions += 1;
  }
  cursor = page.nextCursor;
} while (cursor);
const failed = await api.listRuns({ limit: 100, status: new Set([RunStatus.Failed, RunStatus.Crashed]) });
const upcoming = tasks.reduce((sum, task) => sum + task.upcoming.length, 0);
process.stdout.write(
  JSON.stringify({ tasks: tasks.length, upcoming, runs, captions, failed: failed.runs.length }),
);
