import type { Position } from '../store/position.ts';
import type { RunStore } from '../store/run-store.ts';
import type { TaskFilter, TaskStore, TaskVersion } from '../store/task-store.ts';
import { type Listing, pointedTo } from '../view/parts.ts';
import type { Input } from './handlers.ts';
import { type Principal, accountOf } from './principal.ts';

interface Stores {
  tasks: TaskStore;
  runs: RunStore;
}

/** Maximum number of tasks that one call searches for words or statuses (openapi.yaml, listTasks). */
const MAX_SEARCHED = 1_000;

/** A page of a listing, as the ids and versions of its tasks. */
export interface FoundTasks {
  versions: TaskVersion[];
  /** Position after which the next page starts; undefined on the last page. */
  next?: Position;
}

/**
 * Returns a filter that matches the ids in the query and limits the result to the caller's own account. Lowercases the
 * ids, because stored UUIDs are in lower case.
 * @throws ApiError account_forbidden if the query names an account that the caller may not access
 */
export function idFilter(
  { id, account_id, artist_account_id }: Input<'listUpcoming'>['query'],
  principal: Principal,
): TaskFilter {
  return {
    id: id?.toLowerCase(),
    account_id: accountOf(principal, account_id),
    artist_account_id: artist_account_id?.toLowerCase(),
  };
}

/** Whether a listing has a filter by words or by status, which the database's indexes do not support. */
export const isSearch = ({ filter, lastStatus }: Pick<Listing, 'filter' | 'lastStatus'>): boolean =>
  filter.words !== undefined || lastStatus !== undefined;

export const positionOf = (task: TaskVersion): Position => ({ createdAt: task.created_at, id: task._id });

/**
 * Finds the next tasks of a listing with at most three queries. A filter by words or status examines up to 1,000 tasks,
 * so a page may have fewer than `limit` tasks although the listing continues.
 * @param after - position after which the page starts
 */
export async function findTasks(
  { filter, lastStatus }: Listing,
  { after, limit }: { after?: Position; limit: number },
  stores: Stores,
): Promise<FoundTasks> {
  const { words: _words, ...indexed } = filter;
  const searches = isSearch({ filter, lastStatus });
  const most = searches ? MAX_SEARCHED : limit;
  // Read one task more than needed, to know whether others follow.
  const read = await stores.tasks.versions(indexed, { after, limit: most + 1 });
  const first = read.slice(0, most);
  const matching = searches ? await search(first, { filter, lastStatus }, stores) : first;
  const versions = matching.slice(0, limit);
  const others = read.length > most ? first.at(-1) : undefined;
  const end = matching.length > limit ? versions.at(-1) : others;
  return { versions, ...(end && { next: positionOf(end) }) };
}

/** Selects the tasks that contain all words of the filter, and whose newest run has one of the statuses. */
async function search(
  searched: TaskVersion[],
  { filter, lastStatus }: Pick<Listing, 'filter' | 'lastStatus'>,
  { tasks, runs }: Stores,
): Promise<TaskVersion[]> {
  const ids = searched.map(({ _id }) => _id);
  const found = await tasks.findPointers(ids, filter);
  // Return the version that matched, because a task may have changed since `searched` was read.
  const matching = searched.flatMap((task) => {
    const version = found.get(task._id)?.version;
    return version === undefined ? [] : [{ ...task, version }];
  });
  if (lastStatus === undefined) return matching;
  const runsOf = (id: string) => pointedTo(found.get(id) ?? {});
  const states = await runs.findStates(matching.flatMap(({ _id }) => runsOf(_id).slice(0, 1)));
  return matching.filter(({ _id }) => {
    const [newest, ...earlier] = runsOf(_id);
    if (newest === undefined) return false;
    const state = states.get(newest);
    // If the newest run was deleted, keep the task: the listing shows an earlier run, and partsOf checks its status.
    return state ? lastStatus.includes(state.status) : earlier.length > 0;
  });
}
