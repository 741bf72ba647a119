import type { Collections } from '../../../src/store/collections.ts';
import { QueueStore } from '../../../src/store/queue-store.ts';
import { RunStore } from '../../../src/store/run-store.ts';
import type { TaskDocument } from '../../../src/store/task-document.ts';
import { task, uuid } from '../../support/builders.ts';
import { EngineProcess, type ExecutorCall, type ProcessOptions, type Script } from './engine-process.ts';
import { VirtualTime } from './virtual-time.ts';

export const START = new Date('2026-11-23T12:00:30.000Z');

/** Work that ends at once. */
export const atOnce: Script = async () => ({ kind: 'completed', output: 'done' });

/** Work that takes a time, and stops when it is told to. */
export const working =
  (ms: number): Script =>
  async ({ signal }, process) => {
    await process.work(ms, signal);
    return signal.aborted ? { kind: 'aborted' } : { kind: 'completed', output: 'done' };
  };

/** A database, virtual time, and the processes that run engines on them. */
export class World {
  readonly time = new VirtualTime();
  readonly calls: ExecutorCall[] = [];
  readonly processes: EngineProcess[] = [];
  readonly collections: Collections;
  readonly #start: Date;

  constructor(collections: Collections, start = START) {
    this.collections = collections;
    this.#start = start;
  }

  /** What the wall clock of a process that starts now shows. */
  get now(): Date {
    return new Date(this.#start.getTime() + this.time.ms);
  }

  /** Empties the database and ends all processes. */
  static async open(collections: Collections, start?: Date): Promise<World> {
    const { tasks, runs, run_queue, occurrences, engine } = collections;
    await Promise.all([
      tasks.deleteMany({}),
      runs.deleteMany({}),
      run_queue.deleteMany({}),
      occurrences.deleteMany({}),
      engine.deleteMany({}),
    ]);
    return new World(collections, start);
  }

  startEngine(options: Partial<ProcessOptions> = {}): EngineProcess {
    const { collections, time, calls, now } = this;
    const process = new EngineProcess({ now, collections, time, calls, script: atOnce, ...options });
    this.processes.push(process);
    return process;
  }

  close(): void {
    for (const process of this.processes) process.kill();
  }

  /** Adds a task that fires every minute, planned from now. */
  async addTask(number = 1, fields: Partial<TaskDocument> = {}): Promise<TaskDocument> {
    const plan = { plan_from: this.now, next_fire_at: this.now };
    const document = task(number, { schedule: '* * * * *', ...plan, ...fields });
    await this.collections.tasks.insertOne(document, { ignoreUndefined: true });
    return document;
  }

  /** As runTask. */
  async runNow(
    taskId: string,
    fields: { _id?: string; input?: unknown; account_id?: string } = {},
  ): Promise<string> {
    const { _id = 'run_manual', account_id = '11111111-1111-4111-8111-111111111111', input } = fields;
    const run = { _id, task_id: taskId, account_id, input, trigger: 'manual' as const, scheduled_at: null };
    const entry = await new QueueStore(this.collections).add({ ...run, due_at: this.now, serial: true });
    await new RunStore(this.collections).addOwn(entry, this.now);
    return _id;
  }

  async pass(ms: number): Promise<void> {
    await this.time.pass(ms);
  }

  async runs() {
    return this.collections.runs.find({}, { sort: { createdAt: 1, _id: 1 } }).toArray();
  }

  /** The decisions as `12:01 skipped overlap`, each with its reason and count. */
  async outcomes(): Promise<string[]> {
    return (await this.occurrences()).map(({ scheduled_at, outcome, reason, count }) =>
      [scheduled_at.toISOString().slice(11, 16), outcome, reason, count].filter(Boolean).join(' '),
    );
  }

  async taskOf(number = 1) {
    return this.collections.tasks.findOne({ _id: uuid(number) });
  }

  async statuses(): Promise<string[]> {
    return (await this.runs()).map(({ status }) => status);
  }

  async occurrences() {
    return this.collections.occurrences.find({}, { sort: { scheduled_at: 1 } }).toArray();
  }

  async queued() {
    return this.collections.run_queue.find({}, { sort: { _id: 1 } }).toArray();
  }

  /** The executor's calls as `process attempt`. */
  get deliveries(): string[] {
    return this.calls.map(({ by, job }) => `${by} ${job.attempt}`);
  }
}
