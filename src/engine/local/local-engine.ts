import type { Logger } from 'pino';
import type { Collections } from '../../store/collections.ts';
import type { EngineDocument } from '../../store/engine-document.ts';
import { EngineStore } from '../../store/engine-store.ts';
import { OccurrenceStore } from '../../store/occurrence-store.ts';
import { PlanStore } from '../../store/plan-store.ts';
import { QueueClaims } from '../../store/queue-claims.ts';
import { QueueStore } from '../../store/queue-store.ts';
import { RunStore } from '../../store/run-store.ts';
import { TaskStore } from '../../store/task-store.ts';
import type { Clock, Engine, Executor } from '../port.ts';
import { Loop, systemClock } from '../loop.ts';
import { type EngineObserver, silentObserver } from './observer.ts';
import { Planner, type SampleTasks } from './planner.ts';
import { Runner } from './runner.ts';

const RENEW_MS = 10_000;
const SWEEP_MS = 600_000;
/** If the wall clock loses more than this against the monotonic clock between two planner passes, it was set back. */
const SET_BACK_MS = 1_000;
/**
 * Time to stop after the grace period: 5 seconds to end a command that ignores SIGTERM, the rest to store results.
 */
const STOP_MS = 6_500;

export interface LocalEngineOptions {
  collections: Collections;
  executor: Executor;
  log: Logger;
  /** Maximum number of runs that execute at the same time in this process. */
  concurrency: number;
  /** How long running work may continue after `stop`. */
  graceMs: number;
  /**
   * The initial `updated_at` of each sample task, by task id. The engine does not execute a stored sample
   * task until a user has changed it.
   */
  sampleTasks?: SampleTasks;
  /** Number of days to keep runs that have ended. Undefined: no limit. */
  runRetentionDays?: number | undefined;
  clock?: Clock;
  random?: () => number;
  observer?: EngineObserver;
}

/** Starts an engine that executes tasks in this process. Several processes may do so on the same database. */
export function startLocalEngine(options: LocalEngineOptions): Engine {
  const { collections, executor, log, concurrency, graceMs, sampleTasks = new Map() } = options;
  const { clock = systemClock, random = Math.random, observer = silentObserver } = options;
  const engine = new EngineStore(collections);
  const claims = new QueueClaims(collections);
  const runs = new RunStore(collections);
  const { kind } = executor;
  const stopping = new AbortController();
  /** This engine's heartbeat document as last renewed; undefined while an engine of another kind is live. */
  let renewed: EngineDocument | undefined;
  let isIdleLogged = false;
  let isSwept = false;

  const tools = { tasks: new TaskStore(collections), runs, claims, executor, clock, log, observer, random };
  const runner = new Runner(tools, concurrency, () => renewed !== undefined);
  const stores = {
    plans: new PlanStore(collections),
    occurrences: new OccurrenceStore(collections, options.runRetentionDays),
    queue: new QueueStore(collections),
    claims,
    runs,
  };
  const onQueued = () => {
    if (!runner.isFull) runner.wake();
  };
  const planner = new Planner(stores, { clock, log, observer, onQueued });

  const renewal = new Loop(
    clock,
    async () => {
      const wasLive = renewed !== undefined;
      renewed = (await engine.renew(kind, clock.now())) ?? undefined;
      if (renewed && !wasLive) wake();
      if (renewed && !wasLive) sweeping.wake();
      if (!renewed && !isIdleLogged)
        log.warn(
          { kind },
          'an engine of another kind was live within the last 60 seconds; this one stays idle until 60 seconds after that one stops',
        );
      isIdleLogged = !renewed;
      return RENEW_MS;
    },
    (error) =>
      log.error(
        { err: error },
        "failed to renew this engine's heartbeat; after 60 seconds, an engine of another kind can take over",
      ),
  );
  let aheadMs = -Infinity;
  const planning = new Loop(
    clock,
    async () => {
      const before = aheadMs;
      aheadMs = clock.now().getTime() - clock.monotonicMs();
      if (aheadMs < before - SET_BACK_MS) sweeping.wake();
      return renewed ? planner.planDue(renewed, stopping.signal) : RENEW_MS;
    },
    (error) => log.error({ err: error }, 'failed to read the tasks that are due; trying again in 2 seconds'),
  );
  const sweeping = new Loop(
    clock,
    async () => {
      if (!renewed) return SWEEP_MS;
      const tasks = await planner.sweep(sampleTasks, stopping.signal);
      if (!isSwept) log.info({ tasks, kind }, `tasks that will fire in the next hour: ${tasks}`);
      isSwept = true;
      planning.wake();
      return SWEEP_MS;
    },
    (error) => log.error({ err: error }, 'failed to check when tasks fire next; trying again in 2 seconds'),
  );
  function wake(): void {
    planning.wake();
    runner.wake();
  }
  renewal.wake();

  return {
    wake,
    state: () => ({ kind, live: renewed !== undefined, ...runner.state }),
    stop: async () => {
      stopping.abort();
      // Stop these together: planning many missed fire times must not use up the grace period of runs.
      await Promise.all([planning.stop(), sweeping.stop(), runner.stop(graceMs, STOP_MS)]);
      await renewal.stop();
    },
  };
}
