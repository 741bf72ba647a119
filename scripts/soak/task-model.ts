import type { Task } from '../../generated/types.gen.ts';
import { RECENT_RUNS } from '../../src/store/settlement.ts';
import { RunModel, type ReadInterval } from './run-model.ts';

/** Task fields that clients change. */
export type Fields = Pick<
  Task,
  'title' | 'schedule' | 'enabled' | 'model' | 'account_id' | 'artist_account_id'
>;
export type FieldName = keyof Fields;

interface Value {
  value: unknown;
  sentAt: number;
  ackedAt: number | undefined;
}

const MAX_HISTORY = 80;

/**
 * Records the requests and replies about a task, and derives what clients may see of it. Only one client changes the
 * task, but any client may report its runs.
 */
export class TaskModel {
  /** Prompt of the task. It identifies the creation, because no client changes it. */
  readonly prompt: string;
  id: string | undefined;
  /** Time at which the creation was acknowledged. Listings that start later must contain the task. */
  createdAckedAt = Number.POSITIVE_INFINITY;
  deleteSentAt = Number.POSITIVE_INFINITY;
  deleteAckedAt = Number.POSITIVE_INFINITY;
  readonly runs = new Map<string, RunModel>();
  /**
   * Whether a report of runs was not acknowledged. The task's `recent_runs` may then be outdated until the next
   * report.
   */
  interrupted = false;
  /**
   * The owner leaves the task alone until `FaultLog.calmMs` reaches this value, because a request without a reply may
   * still be applied.
   */
  restsUntilMs = 0;
  readonly #fields = new Map<string, Value[]>();
  readonly #history: string[] = [];
  #seenId: string | undefined;

  constructor(prompt: string, fields: Fields, sentAt: number) {
    this.prompt = prompt;
    for (const [name, value] of Object.entries(fields))
      this.#fields.set(name, [{ value, sentAt, ackedAt: sentAt }]);
  }

  get history(): readonly string[] {
    return this.#history;
  }

  note(event: string): void {
    this.#history.push(`${(performance.now() / 1_000).toFixed(3)} s ${event}`);
    if (this.#history.length > MAX_HISTORY) this.#history.splice(1, 1);
  }

  /**
   * Records a change that is about to be sent.
   * @returns a function that records the time of its acknowledgment
   */
  change(fields: Partial<Fields>, sentAt: number): (ackedAt: number) => void {
    const values = Object.entries(fields).map(([name, value]) => {
      const change: Value = { value, sentAt, ackedAt: undefined };
      this.#fields.get(name)?.push(change);
      return change;
    });
    return (ackedAt) => {
      for (const value of values) value.ackedAt = ackedAt;
    };
  }

  /**
   * Returns the values of a field that a reply may contain if its request was sent and answered within the interval.
   */
  mayBe(name: FieldName, { from, to }: ReadInterval): unknown[] {
    const values = this.#fields.get(name) ?? [];
    const certain = values.findLastIndex(({ ackedAt }) => ackedAt !== undefined && ackedAt < from);
    return values
      .slice(Math.max(0, certain))
      .filter(({ sentAt }) => sentAt <= to)
      .map(({ value }) => value);
  }

  mustBeThere({ from, to }: ReadInterval): boolean {
    return this.createdAckedAt < from && this.deleteSentAt > to;
  }

  mustBeGone({ from }: ReadInterval): boolean {
    return this.deleteAckedAt < from;
  }

  /** Explains how a task in a reply contradicts the recorded requests; empty if it does not. */
  problemsOf(task: Task, interval: ReadInterval): string[] {
    const problems: string[] = [];
    if (this.mustBeGone(interval))
      problems.push(`task ${task.id} was returned, though its deletion was acknowledged`);
    this.#seenId ??= this.id ?? task.id;
    if ((this.id ?? this.#seenId) !== task.id)
      problems.push(`the creation of "${this.prompt}" made ${this.id ?? this.#seenId} and also ${task.id}`);
    for (const [name, value] of Object.entries(task)) {
      if (!isFieldName(name)) continue;
      const allowed = this.mayBe(name, interval);
      if (!allowed.includes(value))
        problems.push(`task ${task.id} has ${name} ${String(value)}, not one of ${JSON.stringify(allowed)}`);
    }
    if ((task.upcoming.length === 0) !== (task.enabled === false))
      problems.push(
        `task ${task.id} has enabled=${task.enabled}, but ${task.upcoming.length} upcoming fire times`,
      );
    return [...problems, ...this.#recentRunsProblems(task, interval)];
  }

  #recentRunsProblems({ id, recent_runs }: Task, interval: ReadInterval): string[] {
    const problems = recent_runs.flatMap((run) => {
      const model = this.runs.get(run.id);
      return (
        (model
          ? model.problemOf(run, interval)
          : `task ${id} shows run ${run.id}, which no client reported`) ?? []
      );
    });
    const places = recent_runs.map(placeOf);
    if (places.some((place, at) => at > 0 && place >= (places[at - 1] ?? '')))
      problems.push(`the last runs of task ${id} are not newest first: ${places.join(', ')}`);
    const oldest = recent_runs.length === RECENT_RUNS ? (places.at(-1) ?? '') : '';
    for (const run of this.runs.values()) {
      const isDue = (run.ackedAt ?? Number.POSITIVE_INFINITY) < interval.from && placeOf(run) > oldest;
      if (isDue && !recent_runs.some((shown) => shown.id === run.id))
        problems.push(
          `task ${id} does not show its run ${placeOf(run)} among its last: ${places.join(', ')}`,
        );
    }
    return problems;
  }
}

/**
 * Returns a key whose string order is the chronological order of runs. That holds because the ids in this test are
 * ASCII.
 */
export function placeOf({ createdAt, id }: { createdAt: string; id: string }): string {
  return `${createdAt} ${id}`;
}

const FIELD_NAMES: readonly string[] = [
  'title',
  'schedule',
  'enabled',
  'model',
  'account_id',
  'artist_account_id',
] satisfies FieldName[];

function isFieldName(name: string): name is FieldName {
  return FIELD_NAMES.includes(name);
}
