import { MongoNetworkError } from 'mongodb';
import { pino } from 'pino';
import { type LocalEngineOptions, startLocalEngine } from '../../../src/engine/local/local-engine.ts';
import type { Attempt, Engine, Executor, Outcome } from '../../../src/engine/port.ts';
import type { Collections } from '../../../src/store/collections.ts';
import { ProcessClock, type VirtualTime } from './virtual-time.ts';

const WRITES = new Set(['insertOne', 'updateOne', 'updateMany', 'deleteOne', 'findOneAndUpdate']);

export type Around = (name: string, call: () => unknown, args: unknown[]) => unknown;

/** A call to the database that was applied, as `collection.method`. */
export interface Applied {
  by: EngineProcess;
  what: string;
  args: unknown[];
  result: unknown;
}

/** Wraps an object, so that each of its calls to the database goes through `around`. */
export function watched<Target extends object>(target: Target, around: Around): Target {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const call = (): unknown => Reflect.apply(value, object, args);
        if (name !== 'find') return around(String(name), call, args);
        const cursor = call();
        return typeof cursor === 'object' && cursor !== null ? watched(cursor, around) : cursor;
      };
    },
  });
}

export interface ExecutorCall extends Pick<Attempt, 'job' | 'location' | 'signal'> {
  /** The process that made it, and its name. */
  process: EngineProcess;
  by: string;
  /** The virtual time at which it began. */
  atMs: number;
}

export type Script = (attempt: Attempt, process: EngineProcess) => Promise<Outcome>;

export interface ProcessOptions extends Partial<
  Omit<LocalEngineOptions, 'collections' | 'executor' | 'clock'>
> {
  name?: string;
  now: Date;
  collections: Collections;
  time: VirtualTime;
  calls: ExecutorCall[];
  script: Script;
  kind?: string;
  /** Wraps each call to the database; the virtual clock waits for it by default. */
  latency?: (call: () => unknown, isWrite: boolean) => Promise<unknown>;
  /** Sees each call that the database has applied, whether or not the process lives to see the answer. */
  onApplied?: (applied: Applied) => void;
}

/** A process that runs an engine: it can be killed, paused, or lose its database. */
export class EngineProcess {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly engine: Engine;
  isAlive = true;
  /** The database answers nothing, and applies nothing. */
  isCutOff = false;
  /** The writes since a test emptied the list, as `collection.method`, the one that is about to happen included. */
  writesSince: string[] = [];
  /** Whether the process is killed instead of the write that is about to happen. */
  killWhen = () => false;
  #isPaused = false;
  readonly #onApplied: ProcessOptions['onApplied'];
  #held: (() => void)[] = [];

  constructor({
    name = 'one',
    now,
    collections,
    time,
    calls,
    script,
    kind = 'command',
    latency,
    onApplied,
    ...options
  }: ProcessOptions) {
    this.name = name;
    this.clock = new ProcessClock(time, now, (callback) => this.#whenRunning(callback));
    const apply = latency ?? ((call: () => unknown) => time.during(async () => call()));
    this.#onApplied = onApplied;
    const executor: Executor = {
      kind,
      execute: async (attempt) => {
        const { job, location, signal } = attempt;
        calls.push({
          job,
          ...(location !== undefined && { location }),
          signal,
          process: this,
          by: name,
          atMs: time.ms,
        });
        return script(attempt, this);
      },
      close: async () => {},
    };
    this.engine = startLocalEngine({
      concurrency: 4,
      graceMs: 8_000,
      log: pino({ level: 'silent' }),
      random: () => 0.5,
      ...options,
      collections: this.#watch(collections, apply),
      executor,
      clock: this.clock,
    });
  }

  /** Like kill -9: the process does nothing from now on. */
  kill(): void {
    this.isAlive = false;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** As SIGSTOP. */
  pause(): void {
    this.#isPaused = true;
  }

  /** As SIGCONT. */
  resume(): void {
    this.#isPaused = false;
    for (const go of this.#held.splice(0)) this.#whenRunning(go);
  }

  /** Resolves after a time that the process sees pass; at once when the signal is aborted. */
  async work(ms: number, signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.clock.setTimeout(resolve, ms);
      signal?.addEventListener('abort', () => {
        cancel();
        resolve();
      });
    });
  }

  #whenRunning(callback: () => void): void {
    if (!this.isAlive) return;
    if (this.#isPaused) this.#held.push(callback);
    else callback();
  }

  #watch(
    collections: Collections,
    apply: (call: () => unknown, isWrite: boolean) => Promise<unknown>,
  ): Collections {
    const {
      tasks,
      runs,
      accounts,
      idempotency_keys,
      api_keys,
      run_queue,
      occurrences,
      engine,
      trigger,
      ...others
    } = collections;
    const around =
      (collection: string): Around =>
      async (method, call, args) => {
        const dead = new Promise<never>(() => {});
        if (!this.isAlive) return dead;
        if (WRITES.has(method)) {
          this.writesSince.push(`${collection}.${method}`);
          if (this.killWhen()) this.kill();
          if (!this.isAlive) return dead;
        }
        if (this.isCutOff) throw new MongoNetworkError('The test made the database unreachable.');
        return new Promise((resolve, reject) => {
          const applied = async () => {
            const result = await call();
            this.#onApplied?.({ by: this, what: `${collection}.${method}`, args, result });
            return result;
          };
          apply(this.#onApplied ? applied : call, WRITES.has(method)).then(
            (result) => this.#whenRunning(() => resolve(result)),
            (error: unknown) => this.#whenRunning(() => reject(error)),
          );
        });
      };
    return {
      tasks: watched(tasks, around('tasks')),
      runs: watched(runs, around('runs')),
      run_queue: watched(run_queue, around('run_queue')),
      occurrences: watched(occurrences, around('occurrences')),
      engine: watched(engine, around('engine')),
      trigger: watched(trigger, around('trigger')),
      accounts,
      idempotency_keys,
      api_keys,
      ...others,
    };
  }
}
