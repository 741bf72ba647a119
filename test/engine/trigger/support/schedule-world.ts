import { jest } from '@jest/globals';
import { pino } from 'pino';
import { createTriggerClient } from '../../../../src/engine/trigger/client.ts';
import { Schedules } from '../../../../src/engine/trigger/schedules.ts';
import type { Collections } from '../../../../src/store/collections.ts';
import type { TaskDocument } from '../../../../src/store/task-document.ts';
import { TaskStore } from '../../../../src/store/task-store.ts';
import { TombstoneStore } from '../../../../src/store/tombstone-store.ts';
import { TriggerTasks } from '../../../../src/store/trigger-tasks.ts';
import { task } from '../../../support/builders.ts';
import { ProcessClock, VirtualTime } from '../../support/virtual-time.ts';
import { KEY, type StubSchedule, TASK, TriggerStub } from './stub.ts';

/** Of full passes while Trigger.dev fails at random. */
const MAX_ATTEMPTS = 1_000;
export const PREFIX = 'recoup-installation-';

/** Thrown instead of each step of a process that was killed. */
class Killed extends Error {}

/** Wraps an object, so that each of its calls goes through `around`. */
function watched<Target extends object>(
  target: Target,
  around: (name: string, call: () => Promise<unknown>) => unknown,
): Target {
  return new Proxy(target, {
    get: (object, name) => {
      const value: unknown = Reflect.get(object, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => around(String(name), async () => Reflect.apply(value, object, args));
    },
  });
}

/** A process that synchronizes the schedules at Trigger.dev, on virtual time. */
interface Leader extends Pick<Schedules, 'state'> {
  fullPass(signal?: AbortSignal): Promise<void>;
  look(): Promise<void>;
  run(): Promise<string | undefined>;
  /** Repeats a full pass until it succeeds. */
  calm(): Promise<void>;
  kill(): void;
}

/** A project at Trigger.dev, a database, and the processes between them. */
export class ScheduleWorld {
  readonly time = new VirtualTime({ quietTurns: 1 });
  readonly clock = new ProcessClock(this.time, new Date('2026-11-23T12:00:00.000Z'));
  readonly stub = new TriggerStub({ now: () => this.clock.now() });
  readonly store: TaskStore;
  readonly collections: Collections;
  /** Whether Trigger.dev executes the call that is about to be made, but its reply is lost. */
  isReplyLost: (method: string, path: string) => boolean = () => false;
  /** Happens before each call to Trigger.dev and each write. */
  beforeStep: (leader: Leader, step: string) => Promise<void> | void = () => {};
  readonly #ending = new AbortController();

  constructor(collections: Collections) {
    this.collections = collections;
    this.store = new TaskStore(collections);
  }

  async end(): Promise<void> {
    this.#ending.abort();
    await this.stub.close();
  }

  /** Starts a process that begins to lead. */
  async lead(fields: { prefix?: string; task?: string; secretKey?: string } = {}): Promise<Leader> {
    const { prefix = PREFIX, task: taskId = TASK, secretKey = KEY } = fields;
    const { clock, collections, stub, time } = this;
    // A signal of its own, as each process has: every client listens to its signal as long as the process lives.
    const signal = AbortSignal.any([this.#ending.signal]);
    let isAlive = true;
    const step = async (name: string, act: () => Promise<unknown>) => {
      if (isAlive) await this.beforeStep(leader, name);
      if (!isAlive) throw new Killed();
      return act();
    };
    const isWrite = (name: string) => name === 'settle' || name === 'done';
    const inDatabase = (name: string, call: () => Promise<unknown>) =>
      time.during(async () => (isWrite(name) ? step(name, call) : call()));
    const api = await createTriggerClient({
      settings: { task: taskId, secretKey, apiUrl: stub.url },
      clock,
      signal,
    });
    const schedules = new Schedules({
      api: watched(api, step),
      tasks: watched(new TriggerTasks(collections), inDatabase),
      tombstones: watched(new TombstoneStore(collections), inDatabase),
      prefix,
      task: taskId,
      clock,
      log: pino({ level: 'silent' }),
    });
    const fetching = async (input: string | URL | Request, init?: RequestInit) =>
      time.during(async () => {
        const isLost = this.isReplyLost(init?.method ?? 'GET', new URL(String(input)).pathname);
        const reply = await stub.fetch(input, init);
        if (isLost) throw new TypeError('fetch failed');
        return reply;
      });
    jest.spyOn(globalThis, 'fetch').mockImplementation(fetching);
    const leader: Leader = {
      state: () => schedules.state(),
      fullPass: async (given = signal) => this.#finish(schedules.fullPass(given)),
      look: async () => this.#finish(schedules.shortPass(signal)),
      run: async () => this.#finish(schedules.run(signal)),
      calm: async () => {
        for (let attempts = 1; ; attempts += 1) {
          try {
            await leader.fullPass();
            return;
          } catch (error) {
            if (!isAlive || attempts === MAX_ATTEMPTS) throw error;
            await time.pass(1_000);
          }
        }
      },
      kill: () => {
        isAlive = false;
      },
    };
    return leader;
  }

  /** Creates a task as createTask does. */
  async create(number: number, fields: Partial<TaskDocument> = {}): Promise<TaskDocument> {
    const now = this.clock.now();
    const isEnabled = fields.enabled !== false;
    const document = task(number, { ...(isEnabled && { plan_from: now, next_fire_at: now }), ...fields });
    await this.collections.tasks.insertOne(document);
    return document;
  }

  async change(id: string, changes: Parameters<TaskStore['update']>[1]): Promise<void> {
    await this.store.update({ id }, changes, this.clock.now());
  }

  async delete(id: string): Promise<void> {
    await this.store.delete({ id }, this.clock.now());
  }

  async read(id: string): Promise<Partial<TaskDocument>> {
    return (await this.collections.tasks.findOne({ _id: id })) ?? {};
  }

  schedulesOf(taskId: string): StubSchedule[] {
    return [...this.stub.schedules.values()].filter(({ externalId }) => externalId === taskId);
  }

  /** Returns what is wrong with the schedules of the tasks, and of tasks that do not exist. */
  async faults(): Promise<string[]> {
    const tasks = await this.collections.tasks.find().toArray();
    const byTask = new Map<string, StubSchedule[]>();
    for (const schedule of this.stub.schedules.values()) {
      const { active, type, externalId = '' } = schedule;
      if (!active || type === 'DECLARATIVE') continue;
      byTask.set(externalId, [...(byTask.get(externalId) ?? []), schedule]);
    }
    const ofTasks = tasks.flatMap(({ _id, enabled, schedule, timezone }) => {
      const expected = enabled === false ? [] : [`${TASK} ${schedule} ${timezone ?? 'UTC'}`];
      const found = (byTask.get(_id) ?? []).map((one) => `${one.task} ${one.cron} ${one.timezone}`);
      return String(found) === String(expected) ? [] : [`${_id}: ${String(found)} not ${String(expected)}`];
    });
    const ids = new Set(tasks.map(({ _id }) => _id));
    const strays = [...this.stub.schedules.values()].filter(
      ({ deduplicationKey, active }) =>
        active && deduplicationKey?.startsWith(PREFIX) && !ids.has(deduplicationKey.slice(PREFIX.length)),
    );
    return [...ofTasks, ...strays.map(({ id }) => `${id} is active without a task`)];
  }

  /** Lets time pass until work has ended. */
  async #finish<Result>(promise: Promise<Result>): Promise<Result> {
    const work = { isDone: false };
    const ended = promise.finally(() => {
      work.isDone = true;
    });
    ended.catch(() => {});
    for (await this.time.quiet(); !work.isDone;) await this.time.pass(100);
    return ended;
  }
}
