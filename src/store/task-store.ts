import { type Filter, ObjectId, type UpdateFilter } from 'mongodb';
import type { Position } from './position.ts';
import type { Collections } from './collections.ts';
import { insertMissing, insertOnce } from './insert-missing.ts';
import { changeTask } from './task-change.ts';
import type { TaskDocument } from './task-document.ts';
import { TombstoneStore } from './tombstone-store.ts';

/** Selects tasks. All given members must match. */
export interface TaskFilter {
  id?: string;
  account_id?: string;
  artist_account_id?: string;
  /** True includes tasks whose `enabled` is null or absent. */
  enabled?: boolean;
  /** Each word must occur in the title or the prompt, ignoring case. */
  words?: string[];
}

/** Fields that track the task's runs. Only settlement.ts writes them. */
type OfRuns = 'recent_runs' | 'runs_version' | 'recording';

/** ObjectIds by which this file recognizes a write that the driver has repeated. */
type Marks = 'changes' | 'deletion';

/** A task to insert, without the fields that the stores maintain. */
export type NewTask = Omit<TaskDocument, OfRuns | Marks | 'engine_problem' | 'version'>;

/**
 * Fields that determine when the engine next processes a task. They are set at creation; later, only the engine and
 * this file write them.
 */
type OfPlan = 'plan_from' | 'next_fire_at';

/** Fields that configure how the engine executes a task. Each has a default. */
const ENGINE_FIELDS = ['overlap', 'catch_up', 'timeout_seconds', 'max_attempts'] as const;
type EngineField = (typeof ENGINE_FIELDS)[number];

/** The fields of a task that can change. Undefined leaves a field unchanged; null removes an engine field. */
export type TaskChanges = Partial<
  Omit<
    TaskDocument,
    | '_id'
    | 'account_id'
    | 'created_at'
    | 'trigger_schedule_id'
    | 'engine_problem'
    | OfRuns
    | Marks
    | OfPlan
    | EngineField
    | 'version'
  > & { [Field in EngineField]: TaskDocument[Field] | null }
>;

/** Number of ObjectIds in `changes`. A repeated write is recognized as long as its ObjectId is among them. */
const MAX_CHANGES = 5;
/**
 * Age at which a deletion in progress counts as abandoned, because its process has died or lost its connection to the
 * database. No request takes that long.
 */
const DELETION_MS = 60_000;

/** Fields that a task may lack, besides `enabled` and `updated_at`. */
export const OPTIONAL_FIELDS = ['timezone', 'trigger_schedule_id', 'model', ...ENGINE_FIELDS] as const;

/** Order of task listings: newest first, ties by id in ascending order. */
const LISTING_ORDER = { created_at: -1, _id: 1 } as const;

/** What the first query of a listing reads of each task. Everything else may be cached by id and version. */
export type TaskVersion = Pick<TaskDocument, '_id' | 'version' | 'created_at'>;
const TASK_VERSION = { _id: 1, version: 1, created_at: 1 } as const satisfies Record<keyof TaskVersion, 1>;

/** A task's pointers to its last runs. Another tool may have stored values of any type. */
export type TaskPointers = Pick<TaskDocument, '_id' | 'version'> & { recent_runs?: unknown };
const TASK_POINTERS = { version: 1, recent_runs: 1 } as const;

/**
 * Matches tasks whose title or prompt contains the word literally, ignoring case. Special characters are escaped, so
 * matching takes linear time.
 */
function occursIn(word: string): Filter<TaskDocument> {
  const $regex = word.replaceAll(/[$()*+.?[\\\]^{|}/]/g, String.raw`\$&`);
  const found = { $regex, $options: 'i' };
  return { $or: [{ title: found }, { prompt: found }] };
}

function queryOf(filter: TaskFilter, after?: Position): Filter<TaskDocument> {
  const { id, enabled, words, ...accounts } = filter;
  const query: Filter<TaskDocument> = { ...accounts };
  if (id !== undefined) query._id = id;
  if (enabled !== undefined) query.enabled = enabled ? { $ne: false } : false;
  if (words !== undefined) query.$and = words.map(occursIn);
  if (after) {
    // The first condition bounds the index scan. Of the tasks created at the position's instant, the second keeps those
    // that follow the position.
    query.created_at = { $lte: after.createdAt };
    query.$or = [{ created_at: { $lt: after.createdAt } }, { _id: { $gt: after.id } }];
  }
  return query;
}

/** The fields that determine a task's fire times. */
export type TaskSchedule = Pick<TaskDocument, '_id' | 'schedule' | 'timezone' | 'created_at'>;
const TASK_SCHEDULE = { _id: 1, schedule: 1, timezone: 1, created_at: 1 } as const satisfies Record<
  keyof TaskSchedule,
  1
>;

export function asDocument(task: NewTask): TaskDocument {
  return { ...task, recent_runs: [], version: 1 };
}

/** Time limit of a search in the database. Without it, the search would continue after its request has timed out. */
const SEARCH_LIMIT_MS = 2_000;

export class TaskStore {
  readonly #tasks: Collections['tasks'];
  readonly #tombstones: TombstoneStore;

  constructor(collections: Pick<Collections, 'tasks' | 'deleted_tasks'>) {
    this.#tasks = collections.tasks;
    this.#tombstones = new TombstoneStore(collections);
  }

  /**
   * Returns the ids and versions of up to `limit` matching tasks after a position, in listing order. `limit` is at most
   * 1,001. Unless the filter has words, indexes cover the query and no task document is read.
   */
  async versions(filter: TaskFilter, page: { after?: Position; limit: number }): Promise<TaskVersion[]> {
    const { after, limit } = page;
    const options = { sort: LISTING_ORDER, projection: TASK_VERSION, limit, ignoreUndefined: true };
    return this.#tasks.find<TaskVersion>(queryOf(filter, after), { ...options, batchSize: limit }).toArray();
  }

  /** Returns up to `limit` matching tasks after a position, in listing order. `limit` is at most 1,001. */
  async page(filter: TaskFilter, page: { after?: Position; limit: number }): Promise<TaskDocument[]> {
    const { after, limit } = page;
    const options = { sort: LISTING_ORDER, limit, batchSize: limit, ignoreUndefined: true };
    return this.#tasks.find(queryOf(filter, after), options).toArray();
  }

  /** Finds the pointers to the last runs of those tasks among `ids` that match the filter, by task id, in one query. */
  async findPointers(ids: string[], filter: TaskFilter): Promise<Map<string, TaskPointers>> {
    if (ids.length === 0) return new Map();
    const query: Filter<TaskDocument> = { $and: [{ _id: { $in: ids } }, queryOf(filter)] };
    const options = {
      projection: TASK_POINTERS,
      batchSize: ids.length + 1,
      ignoreUndefined: true,
      maxTimeMS: SEARCH_LIMIT_MS,
    };
    const found = await this.#tasks.find<TaskPointers>(query, options).toArray();
    return new Map(found.map((task) => [task._id, task]));
  }

  /** Yields the schedules of all matching tasks in listing order, in pages of `size`. Each page is its own query. */
  async *schedules(filter: TaskFilter, size: number): AsyncGenerator<TaskSchedule[], void, undefined> {
    const options = { sort: LISTING_ORDER, projection: TASK_SCHEDULE, limit: size, batchSize: size + 1 };
    let after: Position | undefined;
    for (;;) {
      const query = queryOf(filter, after);
      const page = await this.#tasks
        .find<TaskSchedule>(query, { ...options, ignoreUndefined: true })
        .toArray();
      yield page;
      const last = page.at(-1);
      if (!last || page.length < size) return;
      after = { createdAt: last.created_at, id: last._id };
    }
  }

  /** Finds the titles of those tasks among `ids` that match the filter, by task id, in one query. */
  async findTitles(ids: string[], filter: TaskFilter): Promise<Map<string, string>> {
    if (ids.length === 0) return new Map();
    const query: Filter<TaskDocument> = { $and: [{ _id: { $in: ids } }, queryOf(filter)] };
    const options = { projection: { title: 1 }, batchSize: ids.length + 1, ignoreUndefined: true };
    const found = await this.#tasks.find(query, options).toArray();
    return new Map(found.map(({ _id, title }) => [_id, title]));
  }

  /** Returns those tasks among `ids` that match the filter, in any order, with one query. */
  async findByIds(ids: string[], filter: TaskFilter): Promise<TaskDocument[]> {
    if (ids.length === 0) return [];
    const query: Filter<TaskDocument> = { $and: [{ _id: { $in: ids } }, queryOf(filter)] };
    return this.#tasks.find(query, { ignoreUndefined: true, batchSize: ids.length + 1 }).toArray();
  }

  /** Inserts the tasks whose ids do not exist yet. Leaves existing tasks unchanged. */
  async insert(tasks: NewTask[]): Promise<void> {
    await insertMissing(this.#tasks, tasks.map(asDocument));
  }

  /**
   * Inserts a task. If its id exists, the driver has repeated the insert, or another request with the same
   * Idempotency-Key was faster.
   * @returns the stored task; undefined if it existed and was deleted meanwhile
   */
  async insertOrFind(task: TaskDocument): Promise<TaskDocument | undefined> {
    if (await insertOnce(this.#tasks, task)) return task;
    const [present] = await this.findByIds([task._id], {});
    return present;
  }

  /**
   * Changes only the given fields. If the schedule, the time zone or `enabled` gets a new value, also makes the task
   * due, so that the engine plans it again.
   * @returns the whole changed task; null if no task matches
   */
  async update(which: TaskFilter, changes: TaskChanges, now: Date): Promise<TaskDocument | null> {
    const { schedule, timezone, enabled } = changes;
    const query = queryOf(which);
    const mark = new ObjectId();
    const change = (only: Filter<TaskDocument>, plan?: Pick<TaskDocument, OfPlan>) =>
      this.#change({ ...query, ...only }, changes, mark, plan);
    // If the driver repeats a write that was already applied, the repetition matches nothing, but the task has the
    // mark.
    const repeated = () => this.#tasks.findOne({ ...query, changes: mark }, { ignoreUndefined: true });
    const planned = {
      ...(schedule !== undefined && { schedule }),
      ...(timezone !== undefined && { timezone }),
      ...(enabled === false && { enabled }),
      // If a task without a plan, such as a sample, is enabled, the task must not match here: the change below then
      // plans it.
      ...(enabled !== undefined &&
        enabled !== false && { enabled: { $ne: false }, next_fire_at: { $exists: true } }),
    };
    const asBefore = await change(planned);
    if (asBefore || Object.keys(planned).length === 0) return asBefore ?? repeated();
    // The planner removes this plan if the task is disabled.
    return (await change({}, { plan_from: now, next_fire_at: now })) ?? repeated();
  }

  async #change(
    query: Filter<TaskDocument>,
    changes: TaskChanges,
    mark: ObjectId,
    plan: Pick<TaskDocument, OfPlan> = {},
  ): Promise<TaskDocument | null> {
    const { overlap, catch_up, timeout_seconds, max_attempts, ...others } = changes;
    const set = {
      ...others,
      overlap: overlap ?? undefined,
      catch_up: catch_up ?? undefined,
      timeout_seconds: timeout_seconds ?? undefined,
      max_attempts: max_attempts ?? undefined,
      ...plan,
    };
    const cleared = ENGINE_FIELDS.filter((field) => changes[field] === null);
    return this.#changeMarked(query, mark, {
      // Some servers reject an operator without fields.
      ...(Object.values(set).some((value) => value !== undefined) && { $set: set }),
      ...(cleared.length > 0 && { $unset: Object.fromEntries(cleared.map((field) => [field, 1])) }),
    });
  }

  /** Applies a change and stores its mark, unless the task already has the mark. */
  async #changeMarked(
    query: Filter<TaskDocument>,
    mark: ObjectId,
    change: Pick<UpdateFilter<TaskDocument>, '$set' | '$unset'>,
  ): Promise<TaskDocument | null> {
    return changeTask(
      this.#tasks,
      { ...query, changes: { $ne: mark } },
      { ...change, $push: { changes: { $each: [mark], $slice: -MAX_CHANGES } } },
    );
  }

  /**
   * Replaces the fields of a stored task except `created_at` and those that track runs. Removes optional fields that
   * the new task lacks, except `enabled` and `updated_at`.
   * @param seen - the task as read
   * @returns false if the task has changed since it was read, or was deleted
   */
  async overwrite(task: NewTask, seen: Pick<TaskDocument, 'updated_at'>): Promise<boolean> {
    const { _id, account_id, created_at: _created, ...fields } = task;
    // Remove the plan, so that the engine's sweep plans the task again.
    const removed: (keyof TaskDocument)[] = ['plan_from', 'next_fire_at'];
    removed.push(...OPTIONAL_FIELDS.filter((field) => task[field] === undefined));
    const mark = new ObjectId();
    const changed = await this.#changeMarked({ _id, account_id, updated_at: seen.updated_at ?? null }, mark, {
      $set: fields,
      $unset: Object.fromEntries(removed.map((field) => [field, 1])),
    });
    // If the driver repeats a write that was already applied, the repetition matches nothing, but the task has the
    // mark.
    return changed !== null || (await this.#tasks.findOne({ _id, changes: mark })) !== null;
  }

  /**
   * Deletes a task in two steps, mark and delete, so that a deletion that the driver repeats is recognized. Of
   * concurrent calls, the one whose mark is stored is the deleter. The others repeat the delete, because the deleter
   * may have failed. The tombstone is written first, so that every deleted task has one.
   * @returns whether a task matched and this call is its deleter
   */
  async delete(which: TaskFilter, now: Date): Promise<boolean> {
    const mark = new ObjectId();
    const task = await this.#markDeletion(queryOf(which), mark);
    if (!task) return false;
    const { _id, deletion } = task;
    await this.#tombstones.add(task, now);
    await this.#tasks.deleteOne({ _id });
    // Another tool may have stored a `deletion` of any type.
    return !(deletion instanceof ObjectId) || deletion.equals(mark);
  }

  /** @returns the matching task with the mark of its deleter; null if no task matches */
  async #markDeletion(
    query: Filter<TaskDocument>,
    mark: ObjectId,
  ): Promise<Pick<TaskDocument, '_id' | 'deletion' | 'trigger_schedule_id'> | null> {
    const givenUp = ObjectId.createFromTime(
      Math.floor((mark.getTimestamp().getTime() - DELETION_MS) / 1_000),
    );
    const options = { projection: { deletion: 1, trigger_schedule_id: 1 }, ignoreUndefined: true } as const;
    const marked = await this.#tasks.findOneAndUpdate(
      { ...query, $or: [{ deletion: { $exists: false } }, { deletion: { $lt: givenUp } }] },
      { $set: { deletion: mark } },
      { ...options, returnDocument: 'after' },
    );
    return marked ?? this.#tasks.findOne(query, options);
  }
}
