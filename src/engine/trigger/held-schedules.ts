import { type ScheduleFields, type TriggerApi, TriggerFailure, type TriggerSchedule } from './api.ts';

/** Maximum number of pages that are listed, with 100 schedules each. */
const MAX_PAGES = 1_000;

/** A schedule at Trigger.dev, with the fields that this service uses. */
export interface HeldSchedule extends Pick<ScheduleFields, 'task' | 'cron' | 'timezone'> {
  id: string;
  active: boolean;
  externalId: string | undefined;
  /** Whether this installation created the schedule, i.e. whether its key starts with the installation's prefix. */
  isCreated: boolean;
  /** The task's id in this service: from the key if this installation created the schedule, otherwise externalId. */
  taskId: string | undefined;
}

/** Thrown if a schedule that should be changed no longer exists at Trigger.dev. */
export class ScheduleGone extends Error {
  constructor(id: string) {
    super(`Trigger.dev listed or created the schedule ${id}, but did not find it when it should be changed`);
  }
}

const isNotFound = (error: unknown) => error instanceof TriggerFailure && error.kind === 'notFound';

/**
 * A copy of the schedules at Trigger.dev, kept current as this process changes them. Excludes declarative schedules,
 * which the API cannot change.
 */
export class HeldSchedules {
  readonly #api: TriggerApi;
  readonly #prefix: string;
  readonly #byId = new Map<string, HeldSchedule>();
  /** The ids of schedules, by task id. May contain schedules that now belong to another task. */
  readonly #byTask = new Map<string, Set<string>>();

  private constructor(api: TriggerApi, prefix: string) {
    this.#api = api;
    this.#prefix = prefix;
  }

  /** @param prefix - prefix of the keys of this installation's schedules; the task's id follows it */
  static async list(api: TriggerApi, prefix: string): Promise<HeldSchedules> {
    const held = new HeldSchedules(api, prefix);
    for (let page = 1, last = 1; page <= last; page += 1) {
      const { schedules, totalPages } = await api.listSchedules(page);
      if (totalPages > MAX_PAGES)
        throw new TriggerFailure(
          'refused',
          'The project at Trigger.dev has more than 100,000 schedules, which is too many. Delete unused ones.',
        );
      last = totalPages;
      for (const schedule of schedules) held.#put(schedule);
    }
    return held;
  }

  get(id: string): HeldSchedule | undefined {
    return this.#byId.get(id);
  }

  /** Returns the schedules of a task. A schedule that this installation created comes first. */
  ofTask(taskId: string): HeldSchedule[] {
    const found = [...(this.#byTask.get(taskId) ?? [])].flatMap((id) => this.#byId.get(id) ?? []);
    return found
      .filter((schedule) => schedule.taskId === taskId)
      .toSorted((one, other) => Number(other.isCreated) - Number(one.isCreated));
  }

  /** Returns the schedules that this installation created, by the id of their task. */
  created(): Map<string, HeldSchedule> {
    const created = [...this.#byId.values()].filter(({ isCreated }) => isCreated);
    return new Map(created.map((schedule) => [schedule.taskId ?? '', schedule]));
  }

  async create(fields: ScheduleFields): Promise<HeldSchedule> {
    return this.#put(await this.#api.createSchedule(this.#prefix + fields.externalId, fields));
  }

  /** @throws ScheduleGone */
  async update(id: string, fields: ScheduleFields): Promise<HeldSchedule> {
    return this.#change(id, () => this.#api.updateSchedule(id, fields));
  }

  /** @throws ScheduleGone */
  async setActive(id: string, active: boolean): Promise<HeldSchedule> {
    return this.#change(id, () =>
      active ? this.#api.activateSchedule(id) : this.#api.deactivateSchedule(id),
    );
  }

  async delete(id: string): Promise<void> {
    try {
      await this.#api.deleteSchedule(id);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    this.#byId.delete(id);
  }

  async #change(id: string, call: () => Promise<TriggerSchedule>): Promise<HeldSchedule> {
    try {
      return this.#put(await call());
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#byId.delete(id);
      throw new ScheduleGone(id);
    }
  }

  #put(schedule: TriggerSchedule): HeldSchedule {
    const { id, active, task, timezone, generator, type } = schedule;
    const key = schedule.deduplicationKey ?? '';
    const externalId = schedule.externalId ?? undefined;
    const isCreated = key.startsWith(this.#prefix);
    const taskId = isCreated ? key.slice(this.#prefix.length) : externalId;
    const cron = generator.expression;
    const held = { id, active, task, cron, timezone, externalId, isCreated, taskId };
    if (type === 'DECLARATIVE') return held;
    this.#byId.set(id, held);
    if (taskId !== undefined) this.#byTask.set(taskId, (this.#byTask.get(taskId) ?? new Set()).add(id));
    return held;
  }
}
