import type { RunDetail, RunStore } from '../store/run-store.ts';
import { viewRun } from './run-view.ts';
import { isSliceOver, nextSlice } from '../lib/time-slices.ts';
import type { TaskDocument } from '../store/task-document.ts';
import type { TaskPart } from './part.ts';
import type { PartCache } from './part-cache.ts';
import type { TaskFilter, TaskStore, TaskVersion } from '../store/task-store.ts';
import { viewStored } from './task-view.ts';

/** Where parts come from. */
export interface PartSources {
  tasks: TaskStore;
  runs: RunStore;
  cache: PartCache;
}

/** What a listing shows: tasks that match, of which the newest run is in one of those statuses. */
export interface Listing {
  filter: TaskFilter;
  lastStatus?: readonly string[];
  runs: RunDetail;
}

/**
 * The ids of a task's last runs, newest first. Another tool may have stored anything as `recent_runs`; one such task must not
 * fail the whole listing.
 */
export function pointedTo({ recent_runs }: { recent_runs?: unknown }): string[] {
  const pointers: unknown[] = Array.isArray(recent_runs) ? recent_runs : [];
  return pointers.flatMap((pointer) => {
    const { id }: { id?: unknown } = Object(pointer);
    return typeof id === 'string' ? [id] : [];
  });
}

/** Its runs may change without its version being raised once more: what is seen of them now is not to be kept. */
const isBeingRecorded = ({ recording }: Pick<TaskDocument, 'recording'>) => (recording?.length ?? 0) > 0;

/** The parts of documents just read, from one query for the runs of all. */
export async function makeParts(
  documents: TaskDocument[],
  runs: RunStore,
  detail: RunDetail = 'full',
): Promise<TaskPart[]> {
  // Read after the documents: whatever raised a version is among these runs, what comes later will raise it again.
  const byId = await runs.findByIds(documents.flatMap(pointedTo), detail);
  const parts: TaskPart[] = [];
  for (const task of documents) {
    const recentRuns = pointedTo(task).flatMap((id) => byId.get(id) ?? []);
    const { _id: id, version, schedule, timezone, account_id, artist_account_id, enabled } = task;
    const stored = viewStored(
      task,
      recentRuns.map((run) => viewRun(run, detail)),
    );
    const fields = { schedule, timezone, account_id, artist_account_id, enabled };
    parts.push({ id, version, ...fields, runs: detail, lastStatus: recentRuns[0]?.status, stored });
    if (isSliceOver()) await nextSlice();
  }
  return parts;
}

/**
 * The parts of tasks in the order given, from the cache where it has them at that very version. The others are read by
 * the filter once more: a task that was deleted, or disabled, since its version was read no longer matches. The status of
 * the newest run is compared once more for the same reason.
 */
export async function partsOf(
  versions: TaskVersion[],
  { filter, lastStatus, runs: detail }: Listing,
  { tasks, runs, cache }: PartSources,
  use: 'often' | 'once' = 'often',
): Promise<TaskPart[]> {
  const parts = new Map<string, TaskPart>();
  const missing: string[] = [];
  for (const wanted of versions) {
    const part = cache.find(wanted, detail);
    if (part) parts.set(part.id, part);
    else missing.push(wanted._id);
  }
  const documents = await tasks.findByIds(missing, filter);
  const unsettled = new Set(documents.filter(isBeingRecorded).map(({ _id }) => _id));
  for (const part of await makeParts(documents, runs, detail)) {
    parts.set(part.id, part);
    // A long listing, which none but its reader needs, would else drive out what all others ask for.
    if (use === 'often' && !unsettled.has(part.id)) cache.keep(part);
  }
  const found = versions.flatMap(({ _id }) => parts.get(_id) ?? []);
  return lastStatus ? found.filter((part) => lastStatus.includes(part.lastStatus ?? '')) : found;
}
