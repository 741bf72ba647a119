import type { Task } from '../../generated/types.gen.ts';
import { type Principal, refuseOtherAccount, scopeOf } from '../auth/principal.ts';
import { type Position, decodeCursor, encodeCursor } from '../cursor.ts';
import { ApiError } from '../errors.ts';
import type { Input, Reply } from '../handlers.ts';
import type { TaskDocument } from './document.ts';
import type { TaskFilter, TaskStore } from './store.ts';
import { type ViewSources, collect, viewTasks } from './view-tasks.ts';

interface Dependencies extends ViewSources {
  tasks: TaskStore;
}

/** Tasks of a long listing that do not wait for the runs of more than these. */
const FIRST_TASKS = 5;

type Query = Input<'listTasks'>['query'];

/** A UUID's letters are the same in either case (RFC 9562, section 4); stored ones are in lower case. */
function filterOf({ id, account_id, artist_account_id, enabled }: Query, principal: Principal) {
  refuseOtherAccount(principal, account_id?.toLowerCase());
  return {
    id: id?.toLowerCase(),
    account_id: scopeOf(principal) ?? account_id?.toLowerCase(),
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
  return decodeCursor(cursor, { ...filter });
}

/** One page; one more task than it holds tells whether another follows. */
async function listPage(
  filter: TaskFilter,
  page: { after?: Position; limit: number },
  dependencies: Dependencies,
): Promise<Reply<'listTasks'>> {
  const { after, limit } = page;
  const found = await dependencies.tasks.page(filter, { after, limit: limit + 1 });
  const shown = found.slice(0, limit);
  const last = found.length > limit ? shown.at(-1) : undefined;
  const next_cursor = last && encodeCursor({ createdAt: last.created_at, id: last._id }, { ...filter });
  const tasks = await collect(viewTasks(shown, dependencies));
  return { status: 200, body: { status: 'success', tasks, ...(next_cursor && { next_cursor }) } };
}

/** Every match: at once where one batch holds them all, else as they are read. */
async function listAll(filter: TaskFilter, dependencies: Dependencies): Promise<Reply<'listTasks'>> {
  const batches = dependencies.tasks.all(filter);
  const first = await batches.next();
  const second = await batches.next();
  const start: TaskDocument[] = first.done ? [] : first.value;
  if (second.done) {
    const tasks = await collect(viewTasks(start, dependencies));
    return { status: 200, body: { status: 'success', tasks } };
  }
  const next = second.value;
  async function* viewAll(): AsyncGenerator<Task, void, undefined> {
    try {
      yield* viewTasks(start.slice(0, FIRST_TASKS), dependencies);
      yield* viewTasks(start.slice(FIRST_TASKS), dependencies);
      yield* viewTasks(next, dependencies);
      for await (const batch of batches) yield* viewTasks(batch, dependencies);
    } finally {
      await batches.return(undefined);
    }
  }
  return { status: 200, body: { status: 'success', tasks: viewAll() } };
}

/** GET /api/tasks */
export function listTasks(dependencies: Dependencies) {
  return async ({ query }: Input<'listTasks'>, principal: Principal): Promise<Reply<'listTasks'>> => {
    const filter = filterOf(query, principal);
    const after = startOf(query, filter);
    const { limit } = query;
    return limit === undefined
      ? listAll(filter, dependencies)
      : listPage(filter, { after, limit }, dependencies);
  };
}
