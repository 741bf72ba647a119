import { jest } from '@jest/globals';
import { pino } from 'pino';
import { createTriggerClient } from '../../../../src/engine/trigger/client.ts';
import { RunSync, type RunSyncOptions } from '../../../../src/engine/trigger/runs.ts';
import type { Collections } from '../../../../src/store/collections.ts';
import { RunStore } from '../../../../src/store/run-store.ts';
import { TriggerStore } from '../../../../src/store/trigger-store.ts';
import { task } from '../../../support/builders.ts';
import { type Around, watched } from '../../support/engine-process.ts';
import { ProcessClock, VirtualTime } from '../../support/virtual-time.ts';
import { KEY, TASK, TriggerStub } from './stub.ts';

export const START = new Date('2026-11-23T12:00:00.000Z');
const STEP_MS = 100;

/** A process that synchronizes runs. Each call to Trigger.dev or the database has two moments at which it may be killed. */
export class SyncProcess {
  readonly clock: ProcessClock;
  readonly ending = new AbortController();
  moments = 0;
  /** The moment at which the process is killed. */
  killAt = Infinity;
  #sync: RunSync | undefined;

  constructor(time: VirtualTime, now: Date) {
    this.clock = new ProcessClock(time, now, (callback) => {
      if (this.isAlive) callback();
    });
  }

  get isAlive(): boolean {
    return this.moments < this.killAt;
  }

  get sync(): RunSync {
    if (!this.#sync) throw new Error('not started');
    return this.#sync;
  }

  start(options: RunSyncOptions): void {
    this.#sync = new RunSync(options);
  }

  async call<Result>(work: () => Promise<Result>): Promise<Result> {
    const dead = new Promise<never>(() => {});
    this.moments += 1;
    if (!this.isAlive) return dead;
    try {
      return await work();
    } finally {
      this.moments += 1;
      if (!this.isAlive) await dead;
    }
  }
}

/** A stub of Trigger.dev, a database, and the process that synchronizes the one into the other. */
export class SyncWorld {
  readonly time = new VirtualTime();
  readonly stub: TriggerStub;
  readonly collections: Collections;
  /** Replies to a call instead of the stub. */
  answer: (url: string, init?: RequestInit) => Promise<Response> | undefined = () => undefined;
  /** Lets time pass though a call has no reply. */
  isHanging = false;
  #process: SyncProcess | undefined;

  private constructor(collections: Collections) {
    this.collections = collections;
    this.stub = new TriggerStub({ now: () => this.now });
    const { fetch } = globalThis;
    jest.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
      if (!(typeof input === 'string' && input.startsWith(this.stub.url))) return fetch(input, init);
      const reply = async () => this.answer(input, init) ?? this.stub.fetch(input, init);
      return this.process.call(async () => (this.isHanging ? reply() : this.time.during(reply)));
    });
  }

  /** Empties the database except for its tasks 1 and 2. */
  static async open(collections: Collections): Promise<SyncWorld> {
    for (const name of ['tasks', 'runs', 'trigger'] as const) await collections[name].deleteMany({});
    await collections.tasks.insertMany([task(1), task(2)]);
    return new SyncWorld(collections);
  }

  get now(): Date {
    return new Date(START.getTime() + this.time.ms);
  }

  get process(): SyncProcess {
    if (!this.#process) throw new Error('not started');
    return this.#process;
  }

  get sync(): RunSync {
    return this.process.sync;
  }

  /** Starts a process, as after a crash of the former one. */
  async start({ secretKey = KEY, ...options }: Partial<RunSyncOptions> & { secretKey?: string } = {}) {
    const process = new SyncProcess(this.time, this.now);
    this.#process = process;
    const { clock, ending } = process;
    const settings = { task: TASK, secretKey, apiUrl: this.stub.url };
    const api = await createTriggerClient({ settings, clock, signal: ending.signal });
    const around: Around = (_name, call) => process.call(async () => this.time.during(async () => call()));
    const { tasks, runs, trigger } = this.collections;
    const log = pino({ level: 'silent' });
    const store = new TriggerStore({ trigger: watched(trigger, around) });
    const shared = await new TriggerStore({ trigger }).lead('process', this.now);
    const stored = new RunStore({ runs: watched(runs, around), tasks: watched(tasks, around) });
    process.start({ api, clock, log, store, runs: stored, runsFrom: shared?.runs_from, ...options });
    return process;
  }

  /** Lets time pass until the work ends, or the process that does it is dead. */
  async drive(work: Promise<unknown>): Promise<void> {
    const { process } = this;
    const state = { isDone: false };
    const note = () => {
      state.isDone = true;
    };
    work.then(note, note);
    await this.time.quiet();
    while (!state.isDone && process.isAlive) await this.time.pass(STEP_MS);
    if (state.isDone) await work;
  }

  async list(): Promise<void> {
    await this.drive(this.sync.list(this.process.ending.signal));
  }

  async details(): Promise<void> {
    await this.drive(this.sync.details(this.process.ending.signal));
  }

  /** One pass of each kind. */
  async pass(): Promise<void> {
    await this.list();
    if (this.process.isAlive) await this.details();
  }

  async stored(id: string) {
    return this.collections.runs.findOne({ _id: id });
  }

  async runsFrom(): Promise<Date | undefined> {
    return (await this.collections.trigger.findOne({}))?.runs_from;
  }

  async close(): Promise<void> {
    this.#process?.ending.abort();
    jest.restoreAllMocks();
    await this.stub.close();
  }
}
