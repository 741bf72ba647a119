import { isDeepStrictEqual } from 'node:util';
import type { Task } from '../../../generated/types.gen.ts';
import { forEachConcurrently } from '../../lib/concurrency.ts';
import type { AccountDocument } from '../../store/account-document.ts';
import { AccountStore } from '../../store/account-store.ts';
import type { Collections } from '../../store/collections.ts';
import { Settlement } from '../../store/settlement.ts';
import type { TaskDocument } from '../../store/task-document.ts';
import { type NewTask, OPTIONAL_FIELDS, TaskStore, asDocument } from '../../store/task-store.ts';
import { type Figures, addTo } from './figures.ts';
import { whyItNeverFires } from './firing.ts';
import { type SourceTask, NotImportable, readTask } from './read.ts';

/** Number of tasks written concurrently: enough to keep the server busy, few enough not to slow the service down. */
const CONCURRENT_TASKS = 8;

export interface TakeOptions {
  /** Whether tasks that are enabled at the source are enabled here; otherwise new tasks arrive disabled. */
  enabled: boolean;
  /** Whether to write nothing and only count what an import would do. */
  dryRun: boolean;
  now: Date;
}

const timeOf = (instant: unknown): number | undefined =>
  instant instanceof Date ? instant.getTime() : undefined;

/** Returns when a task last changed, in milliseconds since 1970; undefined if unknown. */
const changedAt = (task: Pick<SourceTask, 'created_at' | 'updated_at'>): number | undefined =>
  timeOf(task.updated_at) ?? timeOf(task.created_at);

/** Adds the source's tasks to the database, and updates stored tasks that are older. */
export class TaskTaker {
  readonly #tasks: TaskStore;
  readonly #accounts: AccountStore;
  readonly #settlement: Settlement;
  readonly #figures: Figures;
  readonly #options: TakeOptions;
  /** Accounts of the source's tasks, by task id; only of tasks that are stored here (or would be, without dryRun). */
  readonly owners = new Map<string, string>();

  constructor(
    collections: Pick<Collections, 'tasks' | 'deleted_tasks' | 'runs' | 'accounts'>,
    figures: Figures,
    options: TakeOptions,
  ) {
    this.#tasks = new TaskStore(collections);
    this.#accounts = new AccountStore(collections);
    this.#settlement = new Settlement(collections);
    this.#figures = figures;
    this.#options = options;
  }

  /** Imports a page of the source's tasks and the names of their accounts, but not their runs. */
  async take(page: Task[]): Promise<void> {
    const read = page.flatMap((task) => this.#read(task) ?? []);
    const stored = await this.#tasks.findByIds(
      read.map(({ _id }) => _id),
      {},
    );
    const storedById = new Map(stored.map((task) => [task._id, task]));
    await forEachConcurrently(read, CONCURRENT_TASKS, async (task) => {
      const isHere = await this.#takeOne(task, storedById.get(task._id));
      if (isHere) this.owners.set(task._id, task.account_id);
    });
    if (!this.#options.dryRun) await this.#accounts.fillIn(this.#accountsOf(page));
  }

  /**
   * Repairs a task's pointers to its last runs if a process died while it recorded runs. Recording a run would
   * repair them too, but the import skips runs that are already stored, so it may record none of this task.
   */
  async #repair({ _id, recording }: TaskDocument): Promise<void> {
    if (Array.isArray(recording) && recording.length > 0 && !this.#options.dryRun)
      await this.#settlement.repair(_id);
  }

  #read(task: Task): SourceTask | undefined {
    try {
      return readTask(task);
    } catch (error) {
      if (!(error instanceof NotImportable)) throw error;
      this.#figures.skip('task', String(task?.id), error.message);
      return undefined;
    }
  }

  /** @returns whether the task is now stored (or would be, without dryRun); if not, its runs cannot be imported */
  async #takeOne(task: SourceTask, stored: TaskDocument | undefined): Promise<boolean> {
    const { schedule, timezone } = task;
    if (stored && stored.account_id !== task.account_id) {
      this.#figures.skip('task', task._id, 'a task of another account has the same id here');
      return false;
    }
    const problem = whyItNeverFires(schedule, timezone ?? 'UTC', this.#options.now);
    if (problem !== undefined) addTo(this.#figures.neverFiring, problem, task._id);
    if (!stored) {
      await this.#add(task);
      return true;
    }
    await this.#change(task, stored);
    await this.#repair(stored);
    return true;
  }

  async #add(task: SourceTask): Promise<void> {
    const { dryRun, enabled, now } = this.#options;
    const isEnabled = task.enabled !== false;
    const added: NewTask = {
      ...task,
      created_at: task.created_at ?? now,
      enabled: enabled ? (task.enabled ?? null) : false,
    };
    if (!dryRun) await this.#tasks.insertOrFind(asDocument(added));
    this.#figures.tasks.added += 1;
    if (isEnabled && !enabled) this.#figures.waiting += 1;
  }

  async #change(task: SourceTask, stored: TaskDocument): Promise<void> {
    const { dryRun, enabled } = this.#options;
    const { tasks } = this.#figures;
    const isWaiting = stored.enabled === false && task.enabled !== false;
    const here = changedAt(stored) ?? 0;
    // If the source does not report when its task changed, overwrite the stored task unless it was changed here.
    const there = changedAt(task) ?? timeOf(stored.created_at) ?? 0;
    if (there < here) return this.#keep(stored, isWaiting);
    // Set `enabled` only to enable the task. Never disable it: a user may have enabled it here after the import.
    const enables = isWaiting && enabled;
    const { enabled: _enabled, created_at: _created, ...fields } = task;
    const isSame = !enables && hasAll(stored, fields);
    const replacement: NewTask = {
      ...fields,
      created_at: stored.created_at,
      ...(enables && { enabled: task.enabled ?? null }),
    };
    if (!isSame && !dryRun && !(await this.#tasks.overwrite(replacement, stored)))
      return this.#keep(stored, isWaiting);
    if (isSame) tasks.same += 1;
    else tasks.changed += 1;
    if (isWaiting && !enabled) this.#figures.waiting += 1;
  }

  /** Counts a stored task that is not overwritten because it changed later than the source's task. */
  #keep({ _id }: TaskDocument, isWaiting: boolean): void {
    this.#figures.tasks.kept += 1;
    if (isWaiting) this.#figures.disabledHere.add(_id);
  }

  /** Collects the e-mail addresses of owners and the names of artists from a page of imported tasks. */
  #accountsOf(page: Task[]): AccountDocument[] {
    const accounts = new Map<string, AccountDocument>();
    const note = (id: string, fields: Partial<AccountDocument>) => {
      const _id = id.toLowerCase();
      accounts.set(_id, { ...(accounts.get(_id) ?? { _id }), ...fields });
    };
    for (const { id, account_id, artist_account_id, owner_email, artist_name } of page) {
      if (!this.owners.has(String(id).toLowerCase())) continue;
      if (isText(owner_email)) note(account_id, { email: owner_email });
      if (isText(artist_name)) note(artist_account_id, { name: artist_name });
    }
    return [...accounts.values()];
  }
}

/** Whether a stored task has exactly these values, and no optional fields besides them. */
function hasAll(stored: TaskDocument, fields: Partial<SourceTask>): boolean {
  const here: Readonly<Record<string, unknown>> = { ...stored };
  const isEqual = Object.entries(fields).every(([name, value]) => isDeepStrictEqual(here[name], value));
  return isEqual && OPTIONAL_FIELDS.every((name) => name in fields || here[name] === undefined);
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
