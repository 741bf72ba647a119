import type { Run, Task } from '../../generated/types.gen.ts';
import type { Findings } from './findings.ts';
import type { RunModel, ReadInterval } from './run-model.ts';
import { type FieldName, type Fields, TaskModel, placeOf } from './task-model.ts';

/** Records everything that the clients have requested from the service, and checks replies against it. */
export class Model {
  readonly findings: Findings;
  readonly #byPrompt = new Map<string, TaskModel>();
  readonly #byRun = new Map<string, { run: RunModel; task: TaskModel }>();

  constructor(findings: Findings) {
    this.findings = findings;
  }

  get tasks(): TaskModel[] {
    return [...this.#byPrompt.values()];
  }

  /** Tasks whose creation was acknowledged, and whose deletion was not requested. */
  get alive(): (TaskModel & { id: string })[] {
    return this.tasks.filter(
      (task): task is TaskModel & { id: string } =>
        task.id !== undefined && task.deleteSentAt === Number.POSITIVE_INFINITY,
    );
  }

  get runIds(): IterableIterator<string> {
    return this.#byRun.keys();
  }

  taskOf(prompt: string): TaskModel | undefined {
    return this.#byPrompt.get(prompt);
  }

  runOf(id: string): { run: RunModel; task: TaskModel } | undefined {
    return this.#byRun.get(id);
  }

  /** Adds a task whose creation is about to be requested. */
  creation(prompt: string, fields: Fields): TaskModel {
    const task = new TaskModel(prompt, fields, performance.now());
    this.#byPrompt.set(prompt, task);
    return task;
  }

  addRun(task: TaskModel, run: RunModel): void {
    task.runs.set(run.id, run);
    this.#byRun.set(run.id, { run, task });
  }

  /** Checks a task that a reply contained, and reports contradictions as findings. */
  see(task: Task, interval: ReadInterval): void {
    const model = this.#byPrompt.get(task.prompt);
    if (!model) return this.findings.add('wrong', `task ${task.id} was never requested: ${task.prompt}`);
    for (const problem of model.problemsOf(task, interval))
      this.findings.add('wrong', problem, model.history);
  }

  /** Checks a run that a reply contained outside its task's `recent_runs`. */
  seeRun(run: Run, interval: ReadInterval): void {
    const known = this.#byRun.get(run.id);
    if (!known) return this.findings.add('wrong', `run ${run.id} was never reported`);
    const problem =
      run.task_id !== known.task.id
        ? `run ${run.id} belongs to task ${run.task_id}, not to ${known.task.id}`
        : known.run.problemOf(run, interval);
    if (problem) this.findings.add('wrong', problem, known.task.history);
  }

  /**
   * Checks a complete listing of tasks that was read in one reply or page by page.
   * @param what - names the listing in findings
   */
  seeListing(
    tasks: Task[],
    filter: Partial<Record<FieldName, unknown>>,
    interval: ReadInterval,
    what: string,
  ): void {
    const ids = new Set(tasks.map(({ id }) => id));
    if (ids.size < tasks.length) this.findings.add('wrong', `${what} has a task twice`);
    for (const task of tasks) this.see(task, interval);
    for (const model of this.tasks) {
      const matches = Object.entries(filter).map(([name, value]) =>
        // Object.entries() types the names as `string`. fieldOf() narrows them to the fields of the filter.
        judge(model.mayBe(fieldOf(name), interval), value, name),
      );
      if (model.id === undefined) continue;
      if (matches.includes('no') && ids.has(model.id))
        this.findings.add('wrong', `${what} has task ${model.id}, which does not match`, model.history);
      if (matches.every((match) => match === 'yes') && model.mustBeThere(interval) && !ids.has(model.id))
        this.findings.add('lost', `${what} does not have task ${model.id}`, model.history);
    }
  }

  /**
   * Checks a listing of a task's runs, newest first. If `isWhole` is false, the listing may end before the oldest
   * runs.
   */
  seeHistory(task: TaskModel, runs: Run[], isWhole: boolean, interval: ReadInterval): void {
    for (const run of runs) this.seeRun(run, interval);
    const places = runs.map(placeOf);
    if (places.some((place, at) => at > 0 && place >= (places[at - 1] ?? '')))
      this.findings.add('wrong', `the runs of task ${task.id} are not newest first`, task.history);
    const shown = new Set(runs.map(({ id }) => id));
    const oldest = isWhole ? '' : (places.at(-1) ?? '');
    for (const run of task.runs.values()) {
      if (
        (run.ackedAt ?? Number.POSITIVE_INFINITY) < interval.from &&
        placeOf(run) > oldest &&
        !shown.has(run.id)
      )
        this.findings.add(
          'lost',
          `the listed runs of task ${task.id} do not include ${placeOf(run)}`,
          task.history,
        );
    }
  }
}

function fieldOf(name: string): FieldName {
  if (name === 'account_id' || name === 'artist_account_id' || name === 'enabled') return name;
  throw new Error(`Expected the filter account_id, artist_account_id or enabled, got ${name}.`);
}

/**
 * Compares the possible values of a field with a filter: `yes` if all match, `no` if none does, `perhaps` if some do.
 */
function judge(mayBe: unknown[], wanted: unknown, name: string): 'yes' | 'no' | 'perhaps' {
  const matching = mayBe.filter((value) => (name === 'enabled' ? (value ?? true) : value) === wanted);
  if (matching.length === mayBe.length) return 'yes';
  return matching.length === 0 ? 'no' : 'perhaps';
}
