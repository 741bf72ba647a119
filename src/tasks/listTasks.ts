import { setImmediate } from 'node:timers/promises';
import type { Task } from '../../generated/types.gen.ts';
import type { AccountStore } from '../accounts/store.ts';
import { ApiError } from '../errors.ts';
import type { Input, Reply } from '../handlers.ts';
import type { RunStore } from '../runs/store.ts';
import { viewRun } from '../runs/view.ts';
import type { FireTimes } from '../schedule/fire-times.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { TaskDocument } from './document.ts';
import type { TaskFilter, TaskStore } from './store.ts';
import { viewTask } from './view.ts';

interface Dependencies {
  tasks: TaskStore;
  runs: RunStore;
  accounts: AccountStore;
  fireTimes: FireTimes;
  /** The clock. */
  now: () => Date;
}

/** How long a listing may keep the process from other requests. */
const MAX_BLOCK_MS = 10;

type Query = Input<'listTasks'>['query'];

/** A UUID's letters are the same in either case (RFC 9562, section 4); stored ones are in lower case. */
function filterOf({ id, account_id, artist_account_id, enabled }: Query): TaskFilter {
  return {
    id: id?.toLowerCase(),
    account_id: account_id?.toLowerCase(),
    artist_account_id: artist_account_id?.toLowerCase(),
    enabled,
  };
}

function startOf({ cursor, limit }: Query, filter: TaskFilter) {
  if (cursor === undefined) return undefined;
  if (limit === undefined) {
    throw new ApiError(
      'invalid_cursor',
      'Query parameter "cursor" needs "limit", the size of the page, beside it.',
    );
  }
  return decodeCursor(cursor, filter);
}

/** A task that was added by hand, with another tool, may lack them; one such must not fail everybody's listing. */
const pointersOf = ({ recent_runs }: Partial<TaskDocument>) => recent_runs ?? [];

/** Joins a batch of tasks with their last runs and their owners' addresses: two queries, however many tasks. */
async function viewTasks(
  documents: TaskDocument[],
  { runs, accounts, fireTimes, now }: Dependencies,
): Promise<Task[]> {
  const [runsById, emails] = await Promise.all([
    runs.findByIds(documents.flatMap((task) => pointersOf(task).map(({ id }) => id))),
    accounts.findEmails([...new Set(documents.map((task) => task.account_id))]),
  ]);
  const at = now();
  const tasks: Task[] = [];
  let yieldedAt = performance.now();
  for (const task of documents) {
    tasks.push(
      viewTask(task, {
        recentRuns: pointersOf(task)
          .flatMap(({ id }) => runsById.get(id) ?? [])
          .map(viewRun),
        upcoming: task.enabled === false ? [] : fireTimes.next(task.schedule, task.timezone ?? 'UTC', at),
        ownerEmail: emails.get(task.account_id) ?? null,
      }),
    );
    // Schedules that were never seen take milliseconds each: other requests get their turn between them.
    if (performance.now() - yieldedAt > MAX_BLOCK_MS) {
      await setImmediate();
      yieldedAt = performance.now();
    }
  }
  return tasks;
}

/** GET /api/tasks */
export function listTasks(dependencies: Dependencies) {
  return async ({ query }: Input<'listTasks'>): Promise<Reply<'listTasks'>> => {
    const filter = filterOf(query);
    const { limit } = query;
    const after = startOf(query, filter);
    // One more than the page holds tells whether another page follows.
    const batches = dependencies.tasks.list(filter, { after, limit: limit && limit + 1 });
    const tasks: Task[] = [];
    let last: TaskDocument | undefined;
    let more = false;
    for await (const batch of batches) {
      const shown = limit === undefined ? batch : batch.slice(0, limit - tasks.length);
      more = shown.length < batch.length;
      last = shown.at(-1) ?? last;
      tasks.push(...(await viewTasks(shown, dependencies)));
    }
    const next = more && last && encodeCursor({ createdAt: last.created_at, id: last._id }, filter);
    return { status: 200, body: { status: 'success', tasks, ...(next && { next_cursor: next }) } };
  };
}
