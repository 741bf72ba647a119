import type { RunStatus } from '../../generated/types.gen.ts';
import { type Client, type World, jsonRequest, outcomeText, runsOf, tasksOf } from './client.ts';
import type { Random } from './random.ts';
import { type Report, RunModel } from './run-model.ts';
import type { TaskModel } from './task-model.ts';

const STATUSES: RunStatus[] = [
  'QUEUED',
  'EXECUTING',
  'EXECUTING',
  'REATTEMPTING',
  'COMPLETED',
  'FAILED',
  'CRASHED',
];
/** Number of tasks that get most of the reports, so that several reporters report on the same task. */
const HOT_TASKS = 4;
const MINUTES = 400_000;

interface Draft {
  run: RunModel;
  report: Report;
}

/**
 * A client that reports runs of any task: new runs, updates of runs that other reporters also update, and late or
 * repeated reports.
 */
export class Reporter implements Client {
  readonly #name: string;
  readonly #world: World;
  readonly #random: Random;
  #count = 0;

  constructor(name: string, world: World, random: Random) {
    this.#name = name;
    this.#world = world;
    this.#random = random;
  }

  async step(): Promise<void> {
    const { alive } = this.#world.model;
    if (alive.length === 0) return;
    const task = this.#random.pick(this.#random.chance(0.6) ? alive.slice(0, HOT_TASKS) : alive);
    // Test concurrent updates of the task's pointers to its last runs, also through different instances.
    const requests = this.#random.chance(0.3) ? this.#random.between(2, 4) : 1;
    await Promise.all(Array.from({ length: requests }, () => this.#sendSome(task)));
    if (requests > 1) await this.#lookAt(task);
  }

  async #sendSome(task: TaskModel): Promise<void> {
    const drafts = new Map<string, Draft>();
    for (let left = this.#random.between(1, 3); left > 0; left -= 1) {
      const draft = this.#draft(task);
      drafts.set(draft.run.id, draft);
    }
    await this.#send(task, [...drafts.values()]);
  }

  async #lookAt({ id }: TaskModel): Promise<void> {
    const { model, sender, instances } = this.#world;
    const options = { conditional: this.#random.chance(0.5), gzip: false };
    const instance = this.#random.pick(instances);
    const reply = await sender.get(instance, 'list one', `/api/tasks?id=${id}`, options);
    if (reply?.status === 200) for (const task of tasksOf(reply.text)) model.see(task, reply);
  }

  /** Reports a new run of a task. @returns whether the report was acknowledged */
  async reportOnce(task: TaskModel): Promise<boolean> {
    this.#count += 1;
    const draft = this.#newRun(task);
    await this.#send(task, [draft]);
    return draft.report.ackedAt !== undefined;
  }

  /**
   * Creates a report of a new run, or of a newer or older state of a known run, or picks a report that was sent
   * before.
   */
  #draft(task: TaskModel): Draft {
    const random = this.#random;
    this.#count += 1;
    const known = [...task.runs.values()].slice(-12);
    if (known.length === 0 || random.chance(0.4)) return this.#newRun(task);
    const run = random.pick(known);
    const sent = [...run.reports.values()];
    return { run, report: random.chance(0.2) ? random.pick(sent) : this.#newReport(run) };
  }

  #newRun(task: TaskModel): Draft {
    const run = new RunModel(`run_${this.#name}_${this.#count}`, this.#createdAt());
    this.#world.model.addRun(task, run);
    return { run, report: this.#newReport(run) };
  }

  #newReport(run: RunModel): Report {
    const report: Report = {
      mark: `${this.#name}.${this.#count}`,
      status: this.#random.pick(STATUSES),
      updatedAt: this.#instant(MINUTES),
      sentAt: performance.now(),
      ackedAt: undefined,
    };
    run.reports.set(report.mark, report);
    return report;
  }

  /**
   * Returns a creation time. Most times are later than all previous ones, so that the run becomes one of the last five;
   * the others are earlier.
   */
  #createdAt(): string {
    if (this.#random.chance(0.3)) return this.#instant(0);
    return new Date(Date.UTC(2026, 0, 1) + Math.round(performance.now())).toISOString();
  }

  #instant(minute: number): string {
    const milliseconds = (minute + this.#random.below(MINUTES)) * 60_000 + this.#random.below(60_000);
    return new Date(Date.UTC(2024, 0, 1) + milliseconds).toISOString();
  }

  async #send(task: TaskModel, drafts: Draft[]): Promise<void> {
    const { model, sender, instances } = this.#world;
    const runs = drafts.map(({ run, report }) => ({
      id: run.id,
      status: report.status,
      taskIdentifier: 'soak',
      version: report.mark,
      createdAt: run.createdAt,
      updatedAt: report.updatedAt,
      payload: { of: report.mark },
    }));
    const instance = this.#random.pick(instances);
    const asked = jsonRequest('PUT', '/api/tasks/runs', { task_id: task.id, runs });
    const leaveAfterMs = this.#random.chance(0.02) ? this.#random.below(15) : undefined;
    const ended = await sender.send(instance, 'record runs', { ...asked, leaveAfterMs });
    task.note(
      `${drafts.map(({ report }) => report.mark).join(' ')} at ${instance.name}: ${outcomeText(ended)}`,
    );
    if (ended.outcome === 'replied' && ended.status === 200) {
      for (const { run, report } of drafts) run.acknowledge(report.mark, ended.to);
      for (const run of runsOf(ended.text).runs) model.seeRun(run, ended);
      return;
    }
    if (ended.outcome === 'refused') return;
    if (ended.outcome === 'replied' && ended.status === 404 && task.deleteSentAt < ended.to) return;
    task.interrupted = true;
    if (ended.outcome === 'replied' && ended.status !== 503)
      model.findings.add('wrong', `a report for task ${task.id} was refused: ${ended.text}`, task.history);
  }
}
