import { LOST_MS } from '../../../src/engine/local/lease.ts';
import { QueueStore } from '../../../src/store/queue-store.ts';
import type { QueuedRun } from '../../../src/store/queue-document.ts';
import { RunStore } from '../../../src/store/run-store.ts';
import type { TaskDocument } from '../../../src/store/task-document.ts';
import { randomFrom } from '../../../scripts/soak/random.ts';
import { ACCOUNT, OTHER_ACCOUNT, task } from '../../support/builders.ts';
import { type Applied, EngineProcess, type ExecutorCall, type Script } from './engine-process.ts';
import { memoryCollections } from './memory-collections.ts';
import { VirtualTime } from './virtual-time.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
/** All timers are multiples of this, so that many fire in one turn of the event loop. */
const TICK_MS = 10;
const NAMES = ['a', 'b', 'c'] as const;
const ACCOUNTS = [ACCOUNT, OTHER_ACCOUNT, '44444444-4444-4444-8444-444444444444'] as const;
const CONCURRENCY = 16;
/** Everything is decided that was due so long before the end, whatever wall clocks showed. */
export const SETTLED_MS = 20 * MINUTE;
/** A process that was unable to renew its claims for so much of a lease may lose them. */
const UNABLE_MS = 13 * SECOND;
const CALM_MS = 25 * MINUTE;

/** Before which write a process is killed; undefined: at once. */
const WRITES = [
  undefined,
  'occurrences.insertOne',
  'run_queue.insertOne',
  'run_queue.findOneAndUpdate',
  'run_queue.updateOne',
  'run_queue.deleteOne',
  'runs.insertOne',
  'runs.findOneAndUpdate',
  'tasks.updateOne',
] as const;

export interface Plan {
  seed: number;
  start: Date;
  tasks: number;
  chaosMs: number;
  withJumps: boolean;
}

/** A claim that a process has made. */
export interface Claim {
  by: EngineProcess;
  entry: QueuedRun;
}

/** A claim that another process has released. */
export interface LostLease {
  claim: Claim | undefined;
  atMs: number;
  /** Whether its process had given the run to the executor, and could have renewed the claim. */
  isNeedless: boolean;
}

/** A call of an executor, and how it ended; not at all if its process died. */
export interface Call extends ExecutorCall {
  claim: Claim | undefined;
  answer?: 'undelivered' | 'aborted' | 'failed' | 'completed';
  answeredAtMs?: number;
  /** The processes that still executed an earlier serial run of the task when this call began. */
  besides: string[];
}

type Pick = <Item>(items: readonly [Item, ...Item[]]) => Item;

const isEntry = (value: unknown): value is QueuedRun =>
  typeof value === 'object' && value !== null && 'fence' in value && 'slot' in value;
const fields = (value: unknown) => new Map(Object.entries(Object(value)));

function tasksOf(pick: Pick, { tasks, start }: Plan): TaskDocument[] {
  return Array.from({ length: tasks }, (_, at) =>
    task(at + 1, {
      schedule: pick(['* * * * *', '* * * * *', '*/2 * * * *', '*/7 * * * *', '30 1 * * *', '15 * * * *']),
      timezone: pick(['UTC', 'America/New_York', 'Australia/Lord_Howe']),
      account_id: pick(ACCOUNTS),
      overlap: pick(['skip', 'queue', 'allow']),
      catch_up: pick(['skip', 'once', 'all']),
      max_attempts: pick([1, 1, 2, 3]),
      timeout_seconds: 60,
      plan_from: start,
      next_fire_at: start,
    }),
  );
}

/** Three processes on one database and one virtual clock, and what happens to them. */
class Simulation {
  readonly calls: Call[] = [];
  readonly lost: LostLease[] = [];
  readonly manual = new Set<string>();
  readonly counts = { blackouts: 0, kills: 0, stops: 0, pauses: 0, cuts: 0, jumps: 0, cancels: 0, trips: 0 };
  readonly collections = memoryCollections();
  readonly #plan: Plan;
  readonly #time = new VirtualTime({ quietTurns: 1, tickMs: TICK_MS });
  readonly #random: () => number;
  readonly #tasks: TaskDocument[];
  readonly #processes = new Map<string, EngineProcess>();
  readonly #started: EngineProcess[] = [];
  /** No process starts before this. */
  #darkUntilMs = 0;
  readonly #offsets = new Map<string, number>();
  /** By run, the last claim. */
  readonly #claims = new Map<string, Claim>();
  /** When a process could not renew its claims. */
  readonly #unable = new Map<EngineProcess, { fromMs: number; toMs: number }[]>();
  readonly #executing = new Map<string, Set<Call>>();

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#random = randomFrom(plan.seed);
    this.#tasks = tasksOf(this.#pick, plan);
  }

  async run() {
    const { tasks, occurrences, runs, run_queue } = this.collections;
    for (const one of this.#tasks) await tasks.insertOne(one);
    for (const name of NAMES) this.#start(name);
    while (this.#time.ms < this.#plan.chaosMs) {
      await this.#time.pass(this.#random() * 2 * MINUTE);
      await this.#request();
      this.#break(this.#pick(NAMES));
    }
    for (const [name, ms] of this.#offsets) this.#processes.get(name)?.clock.jump(-ms);
    await this.#time.pass(CALM_MS);
    const { calls, lost, manual, counts } = this;
    const settledAt = new Date(this.#nowMs - SETTLED_MS);
    for (const process of this.#processes.values()) void process.engine.stop();
    await this.#time.pass(MINUTE);
    for (const process of this.#processes.values()) process.kill();
    return {
      plan: this.#plan,
      tasks: await tasks.find().toArray(),
      occurrences: await occurrences.find().toArray(),
      runs: await runs.find().toArray(),
      queued: await run_queue.find().toArray(),
      calls,
      lost,
      manual,
      counts,
      settledAt,
    };
  }

  readonly #pick: Pick = (items) => items[Math.floor(this.#random() * items.length)] ?? items[0];

  get #nowMs(): number {
    return this.#plan.start.getTime() + this.#time.ms;
  }

  #start(name: string): void {
    this.#offsets.delete(name);
    const process = new EngineProcess({
      name,
      now: new Date(this.#nowMs),
      collections: this.collections,
      time: this.#time,
      calls: [],
      script: this.#script,
      latency: this.#latency,
      random: this.#random,
      concurrency: CONCURRENCY,
      onApplied: (applied) => this.#applied(applied),
    });
    this.#processes.set(name, process);
    this.#started.push(process);
  }

  #startAt(name: string, atMs: number): void {
    this.#time.at(atMs, () => {
      if (this.#time.ms < this.#darkUntilMs) this.#startAt(name, this.#darkUntilMs);
      else this.#start(name);
    });
  }

  readonly #latency = async (call: () => unknown, isWrite: boolean) => {
    this.counts.trips += 1;
    // A read may as well be applied at once: nothing tells it from one that was sent later.
    if (isWrite) await this.#wait(this.#random() * 30);
    const result = await call();
    await this.#wait(this.#random() * 30);
    return result;
  };

  async #wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#time.at(this.#time.ms + ms, resolve);
    });
  }

  #applied({ by, what, args: [filter], result }: Applied): void {
    if (what === 'run_queue.findOneAndUpdate' && isEntry(result))
      this.#claims.set(result._id, { by, entry: result });
    if (what !== 'run_queue.updateOne') return;
    const of = fields(filter);
    // Only the release of a lost lease filters by the beat.
    if (!of.has('beat') || fields(result).get('matchedCount') !== 1) return;
    const claim = this.#claims.get(String(of.get('_id')));
    const call = this.calls.findLast((one) => one.claim === claim);
    const isNeedless = call !== undefined && call.process.isAlive && !this.#wasUnable(call);
    this.lost.push({ claim, atMs: this.#time.ms, isNeedless });
  }

  readonly #script: Script = async (attempt, process) => {
    const { job, location, signal, onAccepted } = attempt;
    const random = this.#random;
    const claim = this.#claims.get(job.run.id);
    const executing = this.#executing.get(job.task.id) ?? new Set<Call>();
    this.#executing.set(job.task.id, executing);
    const call: Call = { job, signal, process, by: process.name, atMs: this.#time.ms, claim, besides: [] };
    if (location !== undefined) call.location = location;
    this.calls.push(call);
    if (claim?.entry.serial) {
      for (const other of executing)
        // A process that stands still stops its work before it does anything else.
        if (other.process.isAlive && !other.process.isPaused) call.besides.push(other.by);
      executing.add(call);
    }
    const ended = (answer: NonNullable<Call['answer']>) => {
      executing.delete(call);
      call.answer = answer;
      call.answeredAtMs = this.#time.ms;
    };
    const luck = random();
    if (luck < 0.1 && location === undefined) {
      await process.work(random() * 2 * SECOND, signal);
      ended('undelivered');
      return { kind: 'undelivered', error: { message: 'refused' } };
    }
    if (luck < 0.3 && location === undefined) await onAccepted('https://example.com/jobs/1');
    await process.work(random() * random() * 100 * SECOND, signal);
    if (signal.aborted) {
      ended('aborted');
      return { kind: 'aborted' };
    }
    ended(luck > 0.9 ? 'failed' : 'completed');
    if (luck > 0.9) return { kind: 'failed', error: { message: 'exit 1' }, repeatable: true };
    return { kind: 'completed', output: null };
  };

  /** Somebody runs a task, and may cancel a run. */
  async #request(): Promise<void> {
    const random = this.#random;
    const chosen = this.#tasks[Math.floor(random() * this.#tasks.length)];
    if (chosen && random() < 0.7) {
      const { _id: task_id, account_id } = chosen;
      const _id = `run_manual_${this.manual.size}`;
      const run = { _id, task_id, account_id, trigger: 'manual' as const, scheduled_at: null };
      const now = new Date(this.#nowMs);
      const entry = await new QueueStore(this.collections).add({ ...run, due_at: now, serial: true });
      await new RunStore(this.collections).addOwn(entry, now);
      this.manual.add(_id);
    }
    const queued = await this.collections.run_queue.find().toArray();
    const one = queued[Math.floor(random() * queued.length)];
    if (!one || random() > 0.3) return;
    this.counts.cancels += 1;
    await new QueueStore(this.collections).requestCancel(one._id);
  }

  #break(name: string): void {
    const { counts } = this;
    const random = this.#random;
    const process = this.#processes.get(name);
    if (!process) return;
    const luck = random();
    const forMs = random() * 2 * MINUTE;
    const { ms } = this.#time;
    const restart = () => {
      this.#processes.delete(name);
      this.#time.at(ms + forMs, () => process.kill());
      this.#startAt(name, ms + forMs);
    };
    if (luck < 0.05) {
      counts.blackouts += 1;
      for (const one of this.#started.splice(0)) one.kill();
      this.#darkUntilMs = ms + (2 + random() * 2) * MINUTE;
      for (const one of this.#processes.keys()) this.#startAt(one, this.#darkUntilMs);
      this.#processes.clear();
    } else if (luck < 0.3) {
      counts.kills += 1;
      const before = this.#pick(WRITES);
      process.killWhen = () => process.writesSince.at(-1) === before;
      if (before === undefined) process.kill();
      restart();
    } else if (luck < 0.45) {
      counts.pauses += 1;
      this.#disable(process, ms + forMs);
      process.pause();
      this.#time.at(ms + forMs, () => process.resume());
    } else if (luck < 0.6) {
      counts.cuts += 1;
      this.#disable(process, ms + forMs);
      process.isCutOff = true;
      this.#time.at(ms + forMs, () => {
        process.isCutOff = false;
      });
    } else if (luck < 0.7) {
      counts.stops += 1;
      void process.engine.stop().then(() => process.kill());
      restart();
    } else if (this.#plan.withJumps) {
      counts.jumps += 1;
      const jumpMs = Math.round((random() - 0.5) * 20 * MINUTE);
      process.clock.jump(jumpMs);
      this.#offsets.set(name, (this.#offsets.get(name) ?? 0) + jumpMs);
    }
  }

  #disable(process: EngineProcess, toMs: number): void {
    const spans = this.#unable.get(process) ?? [];
    this.#unable.set(process, [...spans, { fromMs: this.#time.ms, toMs }]);
  }

  /** Whether the process of a call was unable for so long that it may have given up its lease. */
  #wasUnable({ process, answeredAtMs = this.#time.ms }: Call): boolean {
    const { ms } = this.#time;
    const sinceMs = answeredAtMs - LOST_MS;
    const spans = this.#unable.get(process) ?? [];
    const lengths = spans.map(({ fromMs, toMs }) => Math.min(toMs, ms) - Math.max(fromMs, sinceMs));
    return lengths.reduce((sum, length) => sum + Math.max(0, length), 0) >= UNABLE_MS;
  }
}

export const simulate = (plan: Plan) => new Simulation(plan).run();

export type Result = Awaited<ReturnType<typeof simulate>>;
