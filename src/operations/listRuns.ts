import { type Principal, accountOf } from './principal.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { ApiError } from '../lib/errors.ts';
import type { Run } from '../../generated/types.gen.ts';
import type { Input, Reply } from './handlers.ts';
import { type RunFilter, boundOf } from '../store/run-filter.ts';
import type { RunStore } from '../store/run-store.ts';
import type { RawRun } from '../store/run-raw.ts';
import type { TaskStore } from '../store/task-store.ts';
import type { JsonText } from '../view/json-text.ts';
import { viewTitledRun } from '../view/run-view.ts';

type Query = Input<'listRuns'>['query'];

/** Default page size (openapi.yaml, listRuns, limit). */
const DEFAULT_LIMIT = 20;

function filterOf({ account_id, task_id, status, from, to }: Query, principal: Principal) {
  return {
    account_id: accountOf(principal, account_id),
    task_id: task_id?.toLowerCase(),
    status: status?.toSorted(),
    from: from === undefined ? undefined : boundOf(from),
    to: to === undefined ? undefined : boundOf(to),
  };
}

interface Dependencies {
  runs: RunStore;
  tasks: TaskStore;
}

/** Adds to each run the title of its task, with one query for all titles. The title of a deleted task is null. */
async function viewTitled(
  runs: RawRun[],
  { account_id }: RunFilter,
  tasks: TaskStore,
): Promise<JsonText<Run>[]> {
  const ids = new Set(runs.flatMap(({ taskId }) => taskId ?? []));
  const titles = await tasks.findTitles([...ids], { account_id });
  return runs.map((run) => viewTitledRun(run, titles.get(run.taskId ?? '') ?? null));
}

async function findOne(
  { runId, cursor }: { runId: string; cursor?: string },
  filter: RunFilter,
  { runs, tasks }: Dependencies,
): Promise<Reply<'listRuns'>> {
  if (cursor !== undefined) {
    throw new ApiError(
      'invalid_cursor',
      'Query parameters "cursor" and "runId" cannot be combined: "runId" selects a single run.',
    );
  }
  const run = await runs.find(runId, filter);
  if (!run) throw new ApiError('run_not_found', `There is no run ${runId} that matches the filters.`);
  return { status: 200, body: { status: 'success', runs: await viewTitled([run], filter, tasks) } };
}

/** Handles GET /api/tasks/runs. */
export function listRuns(dependencies: Dependencies) {
  const { runs, tasks } = dependencies;
  return async ({ query }: Input<'listRuns'>, principal: Principal): Promise<Reply<'listRuns'>> => {
    const { runId, cursor, limit = DEFAULT_LIMIT } = query;
    const filter = filterOf(query, principal);
    if (runId !== undefined) return findOne({ runId, cursor }, filter, dependencies);
    const after = cursor === undefined ? undefined : decodeCursor(cursor, filter);
    // Read one run more than the page holds, to know whether another page follows.
    const found = await runs.page(filter, { after, limit: limit + 1 });
    const shown = found.slice(0, limit);
    const last = found.length > limit ? shown.at(-1) : undefined;
    const next_cursor = last && encodeCursor(last.position, filter);
    const body = { status: 'success' as const, runs: await viewTitled(shown, filter, tasks) };
    return { status: 200, body: { ...body, ...(next_cursor && { next_cursor }) } };
  };
}
