/**
 * Runs the service and an engine in one process. The engine's executor completes each run at once. The bench sends
 * commands over IPC.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { createApp } from '../../src/app.ts';
import { readSettings } from '../../src/config/settings.ts';
import { Readiness } from '../../src/database/readiness.ts';
import { DatabaseWatch } from '../../src/database/watch.ts';
import { startLocalEngine } from '../../src/engine/local/local-engine.ts';
import { systemClock } from '../../src/engine/loop.ts';
import { silentObserver } from '../../src/engine/local/observer.ts';
import { Planner } from '../../src/engine/local/planner.ts';
import type { Executor } from '../../src/engine/port.ts';
import { probeOf } from '../../src/store/collections.ts';
import { OccurrenceStore } from '../../src/store/occurrence-store.ts';
import { PlanStore } from '../../src/store/plan-store.ts';
import { QueueClaims } from '../../src/store/queue-claims.ts';
import { QueueStore } from '../../src/store/queue-store.ts';
import { RunStore } from '../../src/store/run-store.ts';
import { listenUntilEnded, openOwn } from './baselines/serve.ts';

/** A command that the bench sends over IPC. */
export type Work =
  /** Queues `runs` runs as fast as possible, and waits until the engine has executed them. */
  | { work: 'burst'; runs: number }
  /** Queues `perSecond` runs per second until `stop`. If `fireInMs` is set, a few tasks also fire after that time. */
  | { work: 'start'; perSecond: number; fireInMs?: number }
  | { work: 'stop' }
  /** Lets the planner look for due tasks `count` times while no task is due. */
  | { work: 'looks'; count: number }
  | { work: 'sweep' };

export interface Worked {
  elapsedMs: number;
  cpuMs: number;
  /**
   * Start delay of each run since `start`: the time from when the run was due or requested to the call of the executor.
   */
  delaysMs: number[];
}

const CONCURRENCY = 4;
const CONCURRENT_REQUESTS = 8;
const MINUTE_MS = 60_000;
const POLL_MS = 5;
/** Ids of tasks that fire every minute, and that exist only between the commands `start` and `stop`. */
const FIRING = Array.from({ length: 5 }, () => randomUUID());

const settings = readSettings(process.env);
const { collections, close } = await openOwn();
const log = pino({ level: 'info' }, pino.destination({ dest: 1, sync: false }));
let aheadMs = 0;
const now = () => new Date(Date.now() + aheadMs);
const clock = { ...systemClock, now };

let delaysMs: number[] = [];
const executor: Executor = {
  kind: 'bench',
  execute: async ({ job }) => {
    const due = job.scheduled_at ?? job.run.createdAt;
    delaysMs.push(now().getTime() - Date.parse(due));
    return { kind: 'completed', output: null };
  },
  close: async () => {},
};

const tasks = await collections.tasks.find({}, { limit: 5_000 }).toArray();
// The engine does not plan sample tasks, so it executes only runs that a command causes.
const sampleTasks = new Map(
  tasks.filter(({ next_fire_at }) => !next_fire_at).map(({ _id, updated_at }) => [_id, updated_at] as const),
);
const engine = startLocalEngine({
  collections,
  executor,
  log,
  concurrency: CONCURRENCY,
  graceMs: 0,
  sampleTasks,
  clock,
});

const queue = new QueueStore(collections);
const runs = new RunStore(collections);
const claims = new QueueClaims(collections);
const stores = {
  plans: new PlanStore(collections),
  occurrences: new OccurrenceStore(collections),
  queue,
  claims,
  runs,
};
const planner = new Planner(stores, { clock, log, observer: silentObserver, onQueued: () => {} });

let asked = 0;

/** Queues a run of the next task in the same way as the operation runTask. */
async function runOne(): Promise<void> {
  const task = tasks[asked % tasks.length];
  asked += 1;
  if (!task) return;
  const at = now();
  const { _id: task_id, account_id } = task;
  const _id = `run_${randomUUID()}`;
  const entry = {
    _id,
    task_id,
    account_id,
    trigger: 'manual',
    scheduled_at: null,
    due_at: at,
    serial: true,
  } as const;
  await runs.addOwn(await queue.add(entry), at);
  engine.wake();
}

async function untilIdle(): Promise<void> {
  while ((await collections.run_queue.findOne({}, { projection: { _id: 1 } })) !== null) await sleep(POLL_MS);
}

/** Queues runs at a fixed rate, even if the engine executes them more slowly. */
class Pace {
  readonly #timer: NodeJS.Timeout;
  readonly #startedAt = performance.now();
  readonly #asking: Promise<void>[] = [];

  constructor(perSecond: number) {
    this.#timer = setInterval(() => {
      const due = ((performance.now() - this.#startedAt) * perSecond) / 1_000;
      while (this.#asking.length < due) this.#asking.push(runOne());
    }, POLL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#asking);
    await untilIdle();
  }
}

let pace: Pace | undefined;

/** Sets the engine's clock to `ms` milliseconds before the start of a minute, and adds tasks that fire at the start of
 * that minute. */
async function fireIn(ms: number): Promise<void> {
  aheadMs += 2 * MINUTE_MS - (now().getTime() % MINUTE_MS) - ms;
  const [task] = tasks;
  if (!task) return;
  const plan = { schedule: '* * * * *', enabled: true, plan_from: now(), next_fire_at: now() };
  await collections.tasks.insertMany(FIRING.map((_id) => ({ ...task, ...plan, _id, recent_runs: [] })));
  engine.wake();
}

async function burst(count: number): Promise<void> {
  let left = count;
  const ask = async () => {
    while (left > 0) {
      left -= 1;
      await runOne();
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_REQUESTS }, ask));
  await untilIdle();
}

async function act(work: Work): Promise<void> {
  switch (work.work) {
    case 'burst':
      return burst(work.runs);
    case 'start':
      delaysMs = [];
      if (work.fireInMs !== undefined) await fireIn(work.fireInMs);
      pace = new Pace(work.perSecond);
      return;
    case 'stop':
      await pace?.stop();
      pace = undefined;
      await collections.tasks.deleteMany({ _id: { $in: FIRING } });
      return;
    case 'looks':
      for (let look = 0; look < work.count; look += 1)
        await planner.planDue(
          { at: now(), live_since: now(), first_at: now() },
          new AbortController().signal,
        );
      return;
    case 'sweep':
      await planner.sweep(new Map(), AbortSignal.timeout(MINUTE_MS));
  }
}

const isWork = (message: unknown): message is Work =>
  typeof message === 'object' && message !== null && 'work' in message;

async function measured(work: Work): Promise<Worked> {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  await act(work);
  const { user, system } = process.cpuUsage(before);
  return { elapsedMs: performance.now() - startedAt, cpuMs: (user + system) / 1_000, delaysMs };
}

process.on('message', (message) => {
  if (isWork(message)) void measured(message).then((worked) => process.send?.(worked));
});
process.channel?.unref();

const database = new DatabaseWatch({ probe: probeOf(collections), log, now });
const readiness = new Readiness(database);
const { limits } = settings;
const cacheBytes = 64 * 1_048_576;
readiness.started();
const app = createApp({ collections, auth: 'none', log, cacheBytes, now, limits, database, readiness });
await listenUntilEnded(app, async () => {
  database.stop();
  await engine.stop();
  await close();
});
