import { randomInt } from 'node:crypto';
import { type Filter, type FindOneAndUpdateOptions, MongoServerError, type UpdateFilter } from 'mongodb';
import type { Collections } from './collections.ts';
import type { TaskDocument } from './task-document.ts';

type Tasks = Collections['tasks'];

/** The fields in which a task tracks its changes, as stored. Another tool may have written values of any type. */
export type StoredCounts = Partial<Record<'version' | 'runs_version' | 'recording' | 'changes', unknown>>;
export const STORED_COUNTS = {
  version: 1,
  runs_version: 1,
  recording: 1,
  changes: 1,
} as const satisfies Record<keyof StoredCounts, 1>;

/** MongoDB's error codes BadValue and TypeMismatch: `$inc` or `$push` does not apply to the stored value. */
const UNSUITABLE_VALUE = new Set<unknown>([2, 14]);

/**
 * Bounds of a corrected count. Such a count is random and large, so that it differs from every count at which a process
 * has cached the task.
 */
const MIN_CORRECTED = 2 ** 32;
const MAX_CORRECTED = 2 ** 47;

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;

/** Returns valid values for the fields that hold the wrong type or a number that cannot be a count. */
function correctionsOf(task: StoredCounts): Partial<Pick<TaskDocument, keyof StoredCounts>> {
  const isWrong = (field: 'version' | 'runs_version') => field in task && !isCount(task[field]);
  const count = () => randomInt(MIN_CORRECTED, MAX_CORRECTED);
  return {
    ...(isWrong('version') && { version: count() }),
    ...(isWrong('runs_version') && { runs_version: count() }),
    ...('recording' in task && !Array.isArray(task.recording) && { recording: [] }),
    ...('changes' in task && !Array.isArray(task.changes) && { changes: [] }),
  };
}

/**
 * Corrects tracking fields that another tool wrote with the wrong type.
 * @param read - the fields as read
 * @returns whether any field was wrong
 */
export async function correctCounts(tasks: Tasks, _id: string, read: StoredCounts): Promise<boolean> {
  const corrections = correctionsOf(read);
  if (Object.keys(corrections).length === 0) return false;
  await tasks.updateOne({ _id }, { $set: corrections });
  return true;
}

/**
 * Changes a task and increments its version. If the server refuses because a tracking field has the wrong type,
 * corrects the field and retries once.
 * @returns the changed task; null if no task matches the query
 */
export async function changeTask(
  tasks: Tasks,
  query: Filter<TaskDocument>,
  changes: Omit<UpdateFilter<TaskDocument>, '$inc'>,
  options: Pick<FindOneAndUpdateOptions, 'projection'> = {},
): Promise<TaskDocument | null> {
  const change = () =>
    tasks.findOneAndUpdate(
      query,
      { ...changes, $inc: { version: 1 } },
      { ...options, returnDocument: 'after', ignoreUndefined: true },
    );
  try {
    const changed = await change();
    // $inc does not change some numbers, e.g. 1e300.
    if (changed) await correctCounts(tasks, changed._id, { version: changed.version });
    return changed;
  } catch (error) {
    if (!(error instanceof MongoServerError && UNSUITABLE_VALUE.has(error.code))) throw error;
    const stored = await tasks.findOne<StoredCounts & { _id: string }>(query, {
      projection: STORED_COUNTS,
      ignoreUndefined: true,
    });
    if (!stored) throw error;
    // Another request may have corrected the fields already, so retry either way.
    await correctCounts(tasks, stored._id, stored);
    return change();
  }
}
