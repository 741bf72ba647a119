import { type Filter, ObjectId, type UpdateFilter } from 'mongodb';
import type { Position } from './position.ts';
import type { Collections } from './collections.ts';
import { insertMissing, insertOnce } from './insert-missing.ts';
import { changeTask } from './task-change.ts';
import type { TaskDocument } from './task-document.ts';

/** Which tasks; every given member must match. */
export interface TaskFilter {
  id?: string;
  account_id?: string;
  artist_account_id?: string;
  /** True includes tasks whose `enabled` is null or absent. */
  enabled?: boolean;
  /** Each occurs in the title or in the prompt, in any case. */
  words?: string[];
}

/** What a task says of its runs, which is for settlement.ts to write. */
type OfRuns = 'recent_runs' | 'runs_version' | 'recording';

/** The marks by which this file recognizes its own repeated writes. */
type Marks = 'changes' | 'deletion';

/** A task that has not run yet. */
export type NewTask = Omit<TaskDocument, OfRuns | Marks | 'version'>;

/** Fields that say when the engine looks at a task. Only the planner and `update` write them. */
type OfPlan = 'plan_from' | 'next_fire_at';

/** Fields that say how the engine executes a task. Each has a default while it is absent. */
const ENGINE_FIELDS = ['overlap', 'catch_up', 'timeout_seconds', 'max_attempts'] as const;
type EngineField = (typeof ENGINE_FIELDS)[number];

/** The fields of a task that can change. undefined leaves a field unchanged; null removes one of the engine's fields. */
export type TaskChanges = Partial<
  Omit<
    TaskDocument,
    | '_id'
    | 'account_id'
    | 'created_at'
    | 'trigger_schedule_id'
    | OfRuns
    | Marks
    | OfPlan
    | EngineField
    | 'version'
  > & { [Field in EngineField]: TaskDocument[Field] | null }
>;

/** What a change does to a task's plan. */
interface PlanChange {
  set?: Pick<TaskDocument, OfPlan>;
  unset?: OfPlan[];
}

/** The marks of changes that a task keeps. A repeated change is recognized as long as its mark is kept. */
const MAX_CHANGES = 5;
/** Longer than any request takes. An older deletion was abandoned: its process died or lost its database. */
const DELETION_MS = 60_000;

/** Fields that a task may lack, besides `enabled` and `updated_at`. */
export const OPTIONAL_FIELDS = ['timezone', 'trigger_schedule_id', 'model', ...ENGINE_FIELDS] as const;

/** Newest first, ties by id. */
const LISTING_ORDER = { created_at: -1, _id: 1 } as const;

/** What a listing asks first: all else it may have kept, by id and version. */
export type TaskVersion = Pick<TaskDocument, '_id' | 'version' | 'created_at'>;
const TASK_VERSION = { _id: 1, version: 1, created_at: 1 } as const satisfies Record<keyof TaskVersion, 1>;

/** A task's pointers to its last runs. Another tool may have stored anything there. */
export type TaskPointers = Pick<TaskDocument, '_id' | 'version'> & { recent_runs?: unknown };
const TASK_POINTERS = { version: 1, recent_runs: 1 } as const;

/** The word itself, in any case: with its special characters escaped, matching takes linear time. */
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
    // The first condition bounds the index scan, the second leaves out what came before among equal instants.
    query.created_at = { $lte: after.createdAt };
    query.$or = [{ created_at: { $lt: after.createdAt } }, { _id: { $gt: after.id } }];
  }
  return query;
}

/** What the fire times of a task follow from. */
export type TaskSchedule = Pick<TaskDocument, '_id' | 'schedule' | 'timezone' | 'created_at'>;
const TASK_SCHEDULE = { _id: 1, schedule: 1, timezone: 1, created_at: 1 } as const satisfies Record<
  keyof TaskSchedule,
  1
>;

/** A new task as it is stored. */
export function asDocument(task: NewTask): TaskDocument {
  return { ...task, recent_runs: [], version: 1 };
}

/** Tasks. */
export class TaskStore {
  readonly #tasks: Collections['tasks'];

  constructor({ tasks }: Pick<Collections, 'tasks'>) {
    this.#tasks = tasks;
  }

  /**
   * Which tasks match and at which versions, in the order of listings, behind a position: the first `limit`, up to 1,001.
   * All of it stands in the indexes, so that no task need be read.
   */
  async versions(filter: TaskFilter, page: { after?: Position; limit: number }): Promise<TaskVersion[]> {
    const { after, limit } = page;
    const options = { sort: LISTING_ORDER, projection: TASK_VERSION, limit, ignoreUndefined: true };
    return this.#tasks.find<TaskVersion>(queryOf(filter, after), { ...options, batchSize: limit }).toArray();
  }

  /** The first tasks that match, in the order of listings, behind a position: at most `limit`, up to 1,001. */
  async page(filter: TaskFilter, page: { after?: Position; limit: number }): Promise<TaskDocument[]> {
    const { after, limit } = page;
    const options = { sort: LISTING_ORDER, limit, batchSize: limit, ignoreUndefined: true };
    return this.#tasks.find(queryOf(filter, after), options).toArray();
  }

  /** Of the tasks with these ids, those that match, by id, with their pointers. One query, however many. */
  async findPointers(ids: string[], filter: TaskFilter): Promise<Map<string, TaskPointers>> {
    if (ids.length === 0) return new Map();
    const query: Filter<TaskDocument> = { $and: [{ _id: { $in: ids } }, queryOf(filter)] };
    const options = { projection: TASK_POINTERS, batchSize: ids.length + 1, ignoreUndefined: true };
    const found = await this.#tasks.find<TaskPointers>(query, options).toArray();
    return new Map(found.map((task) => [task._id, task]));
  }

  /** The schedules of all tasks that match, in the order of listings, `size` at a time, each page by a query of its own. */
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

  /** The titles of those tasks with these ids that match, by id. One query, however many. */
  async findTitles(ids: string[], filter: TaskFilter): Promise<Map<string, string>> {
    if (ids.length === 0) return new Map();
    const query: Filter<TaskDocument> = { $and: [{ _id: { $in: ids } }, queryOf(filter)] };
    const options = { projection: { title: 1 }, batchSize: ids.length + 1, ignoreUndefined: true };
    const found = await this.#tasks.find(query, options).toArray();
    return new Map(found.map(({ _id, title }) => [_id, title]));
  }

  /** Those of the tasks with these ids that match, in any order. One query, however many. */
  async findByIds(ids: string[], filter: TaskFilter): Promise<TaskDocument[]> {
    if (ids.length === 0) return [];
    const query: Filter<TaskDocument> = { $and: [{ _id: { $in: ids } }, queryOf(filter)] };
    return this.#tasks.find(query, { ignoreUndefined: true, batchSize: ids.length + 1 }).toArray();
  }

  /** Adds the tasks that do not exist yet. None of them has run. */
  async insert(tasks: NewTask[]): Promise<void> {
    await insertMissing(this.#tasks, tasks.map(asDocument));
  }

  /**
   * Inserts a task, unless it exists already: the driver or another request with the same Idempotency-Key inserted it.
   * @returns the stored task; undefined if it was deleted in between
   */
  async insertOrFind(task: TaskDocument): Promise<TaskDocument | undefined> {
    if (await insertOnce(this.#tasks, task)) return task;
    const [present] = await this.findByIds([task._id], {});
    return present;
  }

  /**
   * Changes only the given fields. Planning restarts if the schedule, the time zone or `enabled` changes, and ends if the
   * task is disabled.
   * @returns the whole task; null if none matches
   */
  async update(which: TaskFilter, changes: TaskChanges, now: Date): Promise<TaskDocument | null> {
    const { schedule, timezone, enabled } = changes;
    const query = queryOf(which);
    const mark = new ObjectId();
    const change = (only: Filter<TaskDocument>, plan?: PlanChange) =>
      this.#change({ ...query, ...only }, changes, mark, plan);
    // A repeated change that was already applied matches nothing.
    const repeated = () => this.#tasks.findOne({ ...query, changes: mark }, { ignoreUndefined: true });
    if (enabled === false) {
      return (await change({}, { unset: ['plan_from', 'next_fire_at'] })) ?? repeated();
    }
    const planned = {
      ...(schedule !== undefined && { schedule }),
      ...(timezone !== undefined && { timezone }),
      // Enabling a task that has no plan, such as a sample, plans it.
      ...(enabled !== undefined && { enabled: { $ne: false }, next_fire_at: { $exists: true } }),
    };
    const asBefore = await change(planned);
    if (asBefore || Object.keys(planned).length === 0) return asBefore ?? repeated();
    // If the task stays disabled, the planner unsets this plan.
    return (await change({}, { set: { plan_from: now, next_fire_at: now } })) ?? repeated();
  }

  async #change(
    query: Filter<TaskDocument>,
    changes: TaskChanges,
    mark: ObjectId,
    plan: PlanChange = {},
  ): Promise<TaskDocument | null> {
    const { overlap, catch_up, timeout_seconds, max_attempts, ...others } = changes;
    const set = {
      ...others,
      overlap: overlap ?? undefined,
      catch_up: catch_up ?? undefined,
      timeout_seconds: timeout_seconds ?? undefined,
      max_attempts: max_attempts ?? undefined,
      ...plan.set,
    };
    const cleared = [...ENGINE_FIELDS.filter((field) => changes[field] === null), ...(plan.unset ?? [])];
    return this.#changeMarked(query, mark, {
      // Some servers refuse an operator without fields.
      ...(Object.values(set).some((value) => value !== undefined) && { $set: set }),
      ...(cleared.length > 0 && { $unset: Object.fromEntries(cleared.map((field) => [field, 1])) }),
    });
  }

  /** Applies a change unless the task has its mark, and stores the mark among the last ones. */
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
   * Replaces a task's own fields, except `created_at`. Removes optional fields that the new task lacks, except `enabled` and
   * `updated_at`.
   * @param seen - the task as it was read
   * @returns whether the task was replaced; false if it has changed since, or was deleted
   */
  async overwrite(task: NewTask, seen: Pick<TaskDocument, 'updated_at'>): Promise<boolean> {
    const { _id, account_id, created_at: _created, ...fields } = task;
    // The engine's sweep plans the task anew.
    const removed: (keyof TaskDocument)[] = ['plan_from', 'next_fire_at'];
    removed.push(...OPTIONAL_FIELDS.filter((field) => task[field] === undefined));
    const mark = new ObjectId();
    const changed = await this.#changeMarked({ _id, account_id, updated_at: seen.updated_at ?? null }, mark, {
      $set: fields,
      $unset: Object.fromEntries(removed.map((field) => [field, 1])),
    });
    // A repeated change that was already applied matches nothing.
    return changed !== null || (await this.#tasks.findOne({ _id, changes: mark })) !== null;
  }

  /**
   * Deletes a task in two steps, so that a repeated deletion is recognized: it marks the task, then deletes it. Of
   * concurrent calls, the one whose mark is in the task is the deleter; the others complete the deletion in case it failed.
   * @returns whether a task matched and this call is its deleter
   */
  async delete(which: TaskFilter): Promise<boolean> {
    const mark = new ObjectId();
    const task = await this.#markDeletion(queryOf(which), mark);
    if (!task) return false;
    const { _id, deletion } = task;
    await this.#tasks.deleteOne({ _id });
    // Another tool may have written a value of any type.
    return !(deletion instanceof ObjectId) || deletion.equals(mark);
  }

  /** @returns the matching task with the mark of its deleter; null if none matches */
  async #markDeletion(
    query: Filter<TaskDocument>,
    mark: ObjectId,
  ): Promise<Pick<TaskDocument, '_id' | 'deletion'> | null> {
    const givenUp = ObjectId.createFromTime(
      Math.floor((mark.getTimestamp().getTime() - DELETION_MS) / 1_000),
    );
    const options = { projection: { deletion: 1 }, ignoreUndefined: true } as const;
    const marked = await this.#tasks.findOneAndUpdate(
      { ...query, $or: [{ deletion: { $exists: false } }, { deletion: { $lt: givenUp } }] },
      { $set: { deletion: mark } },
      { ...options, returnDocument: 'after' },
    );
    return marked ?? this.#tasks.findOne(query, options);
  }
}
