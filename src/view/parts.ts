import type { RunStore } from '../store/run-store.ts';
import { SHOWN_FROM, viewRun } from './run-view.ts';
import { isSliceOver, nextSlice } from '../lib/time-slices.ts';
import type { TaskDocument } from '../store/task-document.ts';
import type { RunDetail, TaskPart } from './part.ts';
import type { PartCache } from './part-cache.ts';
import type { TaskFilter, TaskStore, TaskVersion } from '../store/task-store.ts';
import { viewStored } from './task-view.ts';

export interface PartSources {
  tasks: TaskStore;
  runs: RunStore;
  cache: PartCache;
}

/** Selects the tasks of a listing: those that match the filter and whose newest run has one of the statuses. */
export interface Listing {
  filter: TaskFilter;
  lastStatus?: readonly string[];
  runs: RunDetail;
}

/**
 * Returns the ids of a task's last runs, newest first. Another tool may have stored anything in `recent_runs`; one such
 * task must not fail the whole listing.
 */
export function pointedTo({ recent_runs }: { recent_runs?: unknown }): string[] {
  const pointers: unknown[] = Array.isArray(recent_runs) ? recent_runs : [];
  return pointers.flatMap((pointer) => {
    const { id }: { id?: unknown } = Object(pointer);
    return typeof id === 'string' ? [id] : [];
  });
}

/**
 * While a write to the task's runs is in progress, runs may change although the version does not, so the part must not
 * be cached.
 */
const isBeingRecorded = ({ recording }: Pick<TaskDocument, 'recording'>) => (recording?.length ?? 0) > 0;

/** Creates the parts of tasks that were just read, with one query for the last runs of all of them. */
export async function makeParts(
  documents: TaskDocument[],
  runs: RunStore,
  detail: RunDetail = 'full',
): Promise<TaskPart[]> {
  // Read the runs after the tasks. The runs then include every run that these versions reflect, and a later change to a
  // run increments the version again.
  const byId = await runs.findByIds(documents.flatMap(pointedTo), SHOWN_FROM[detail]);
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
 * Returns the parts of tasks in the given order. Takes a part from the cache if it has exactly the given version. Reads
 * the other tasks with the filter again, because a task may have been deleted or disabled since its version was read.
 * Also compares the status of the newest run again, because it may have changed.
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
    // Do not cache a long listing that is requested once: it would evict what other callers use.
    if (use === 'often' && !unsettled.has(part.id)) cache.keep(part);
  }
  const found = versions.flatMap(({ _id }) => parts.get(_id) ?? []);
  return lastStatus ? found.filter((part) => lastStatus.includes(part.lastStatus ?? '')) : found;
}
