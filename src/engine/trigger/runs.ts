import type { Logger } from 'pino';
import { forEachConcurrently } from '../../lib/concurrency.ts';
import { reasonOf } from '../../lib/system-errors.ts';
import { isRefused } from '../../store/own-run.ts';
import type { ReportedRun } from '../../store/run-document.ts';
import { recordOf } from '../../store/run-record.ts';
import { isFinal } from '../../store/run-status.ts';
import {
  RunOfAnotherTask,
  RunOfTheEngine,
  type RunState,
  type RunStore,
  UnknownTask,
} from '../../store/run-store.ts';
import type { TriggerStore } from '../../store/trigger-store.ts';
import { pause } from '../loop.ts';
import type { Clock } from '../port.ts';
import {
  type ListedRun,
  type RunsQuery,
  type TriggerApi,
  TriggerFailure,
  type TriggerRunStatus,
} from './api.ts';
import { download, missing } from './download.ts';
import { type PendingEntry, PendingRuns } from './pending-runs.ts';
import { type Large, reportOfListed, reportOfRetrieved } from './reports.ts';

const DAY_MS = 86_400_000;
/** How far back the first listing on a database goes. */
const HISTORY_MS = 30 * DAY_MS;
/** Overlap of consecutive listings, because a run may first appear in a listing after newer runs have appeared. */
const OVERLAP_MS = 60_000;
const PAGE = 100;
const MAX_PENDING = 100_000;
const CONCURRENCY = 8;
const MAX_DOWNLOADS = 3;
const ROOM_CHECK_MS = 1_000;

/** The statuses of runs that have not ended. */
const OPEN: TriggerRunStatus[] = ['PENDING_VERSION', 'QUEUED', 'DEQUEUED', 'EXECUTING', 'WAITING', 'DELAYED'];

export interface RunSyncOptions {
  api: Pick<TriggerApi, 'listRuns' | 'retrieveRun'>;
  runs: RunStore;
  store: Pick<TriggerStore, 'setRunsFrom'>;
  /** The instant from which to list runs, as an earlier leader stored it. Undefined before the first listing. */
  runsFrom?: Date;
  log: Logger;
  clock: Clock;
  maxPending?: number;
}

/**
 * Finds the stored run that corresponds to a run at Trigger.dev.
 * @returns undefined if the run is not stored; null if this service queued it and has not stored the hand-over yet
 */
function storedRunOf(
  { id, idempotencyKey = '' }: Pick<ListedRun, 'id' | 'idempotencyKey'>,
  states: Map<string, RunState>,
): RunState | undefined | null {
  const own = states.get(idempotencyKey);
  if (own?.engine_run_id === id) return own;
  return own?.fence === undefined ? states.get(id) : null;
}

function isNewer(report: ReportedRun, { updatedAt, status, unreported }: RunState): boolean {
  if (unreported || updatedAt < report.updatedAt) return true;
  return updatedAt.getTime() === report.updatedAt.getTime() && status !== report.status && !isFinal(status);
}

const idsOf = ({ id, idempotencyKey }: Pick<ListedRun, 'id' | 'idempotencyKey'>): string[] =>
  idempotencyKey === undefined ? [id] : [id, idempotencyKey];

/**
 * Copies the runs at Trigger.dev to the database. `list` and `details` may run concurrently. A new leader lists runs
 * from an instant that the former leader stored. Every run created before that instant is stored: with its details, or
 * with a status that is not final.
 */
export class RunSync {
  readonly #options: RunSyncOptions;
  readonly #pending: PendingRuns;
  #listFrom: Date;
  #storedFrom: Date | undefined;
  /** When the last complete listing began, on the monotonic clock. */
  #listedAtMs: number;

  constructor(options: RunSyncOptions) {
    const { clock, runsFrom } = options;
    this.#options = options;
    this.#pending = new PendingRuns(() => clock.monotonicMs());
    this.#listFrom = runsFrom ?? new Date(clock.now().getTime() - HISTORY_MS);
    this.#storedFrom = runsFrom;
    this.#listedAtMs = clock.monotonicMs();
  }

  /** How far the database is behind Trigger.dev. */
  state(): { pending: number; behindSeconds: number; problem?: string } {
    const { sinceMs = Infinity, problem } = this.#pending.summary();
    const behindMs = this.#options.clock.monotonicMs() - Math.min(sinceMs, this.#listedAtMs);
    return {
      pending: this.#pending.size,
      behindSeconds: Math.floor(behindMs / 1_000),
      ...(problem !== undefined && { problem }),
    };
  }

  /**
   * Lists new and open runs, and records the statuses of runs that are stored. Adds runs whose details must be read to
   * the pending runs.
   * @throws TriggerFailure
   */
  async list(signal: AbortSignal): Promise<void> {
    const { runs, clock } = this.#options;
    const startedAtMs = clock.monotonicMs();
    let newest: Date | undefined;
    for await (const page of this.#pages({ from: this.#listFrom }, signal)) {
      for (const { createdAt } of page) if (!newest || createdAt > newest) newest = createdAt;
      await this.#take(page);
    }
    const open = new Set<string>();
    for await (const page of this.#pages({ statuses: OPEN }, signal)) {
      for (const { id } of page) open.add(id);
      await this.#take(page);
    }
    for await (const states of runs.openAtTrigger(PAGE)) {
      await this.#waitForRoom(signal);
      for (const { _id, engine_run_id: id, createdAt, updatedAt } of states) {
        if (id !== undefined && !open.has(id)) this.#pending.add({ id, createdAt, updatedAt, storedId: _id });
      }
    }
    signal.throwIfAborted();
    await this.#advance(newest);
    this.#listedAtMs = startedAtMs;
  }

  /**
   * Reads the details of all pending runs, oldest first.
   * @throws TriggerFailure
   */
  async details(signal: AbortSignal): Promise<void> {
    for (;;) {
      const batch = this.#pending.oldest(PAGE);
      if (batch.length === 0) return;
      await forEachConcurrently(batch, CONCURRENCY, async (entry) => {
        signal.throwIfAborted();
        await this.#readDetails(entry, signal);
      });
    }
  }

  async *#pages(query: RunsQuery, signal: AbortSignal): AsyncGenerator<ListedRun[], void, undefined> {
    let after: string | undefined;
    do {
      await this.#waitForRoom(signal);
      const { runs, next } = await this.#options.api.listRuns({
        ...query,
        ...(after !== undefined && { after }),
      });
      signal.throwIfAborted();
      yield runs;
      after = next;
    } while (after !== undefined);
  }

  async #waitForRoom(signal: AbortSignal): Promise<void> {
    const { clock, maxPending = MAX_PENDING } = this.#options;
    signal.throwIfAborted();
    while (this.#pending.size >= maxPending) {
      await pause(clock, ROOM_CHECK_MS);
      signal.throwIfAborted();
    }
  }

  async #take(page: ListedRun[]): Promise<void> {
    const { runs } = this.#options;
    const states = await runs.findStates([...new Set(page.flatMap(idsOf))]);
    const reports = new Map<string, { accountId: string | undefined; reports: ReportedRun[] }>();
    const incomplete: ListedRun[] = [];
    for (const run of page) {
      const state = storedRunOf(run, states);
      if (state === null) continue;
      const report = recordOf({ ...reportOfListed(run), id: state?._id ?? run.id });
      const isChanged = !state || isNewer(report, state);
      // A listed run has no `depth`, and storing a listed run removes the `depth` from the stored run. A stored run
      // without `depth` therefore lacks its details.
      if (isChanged || state.depth === undefined) incomplete.push(run);
      // Record only runs whose task is certain because their details have been read before. Listings name no task.
      if (!isChanged || state?.engine_run_id !== run.id) continue;
      const ofTask = reports.get(state.task_id) ?? { accountId: state.account_id, reports: [] };
      ofTask.reports.push(report);
      reports.set(state.task_id, ofTask);
    }
    await forEachConcurrently([...reports], CONCURRENCY, async ([taskId, { accountId, reports: items }]) => {
      await this.#record(taskId, items, accountId);
    });
    // Add the incomplete runs last: if recording has removed details that were read meanwhile, they are read again.
    for (const run of incomplete) this.#pending.add(run);
  }

  async #readDetails(entry: PendingEntry, signal: AbortSignal): Promise<void> {
    const { api, runs, clock } = this.#options;
    const run = await api.retrieveRun(entry.id).catch((error: unknown) => {
      if (!(error instanceof TriggerFailure)) throw error;
      if (error.kind === 'notFound' || error.kind === 'refused') return undefined;
      // Perhaps only this run cannot be read. Postpone it, so that the next pass begins with other runs.
      if (error.kind === 'unreachable') this.#pending.postpone(entry, error.message);
      throw error;
    });
    if (!run) return this.#pending.ignore(entry);
    const states = await runs.findStates([...new Set([...idsOf(run), entry.storedId ?? run.id])]);
    const known = states.get(entry.storedId ?? run.id);
    const stored = known?.engine_run_id === run.id ? known : storedRunOf(run, states);
    if (stored === null) return this.#pending.remove(entry);
    const isOurs = stored?.engine_run_id === run.id;
    const taskId = (isOurs ? undefined : run.schedule?.externalId?.toLowerCase()) ?? stored?.task_id;
    if (taskId === undefined) return this.#pending.ignore(entry);
    const read = (url: string, what: Large) =>
      download(url, what, { clock, signal }).catch((error: unknown) => {
        if (signal.aborted || entry.failures + 1 < MAX_DOWNLOADS) throw error;
        return missing(what, reasonOf(error));
      });
    let report: ReportedRun;
    try {
      report = recordOf({ ...(await reportOfRetrieved(run, read)), id: stored?._id ?? run.id });
    } catch (error) {
      signal.throwIfAborted();
      const problem = `The run ${run.id} cannot be read from Trigger.dev: ${reasonOf(error)}`;
      return this.#pending.postpone(entry, problem);
    }
    const accountId = isOurs ? stored.account_id : undefined;
    const isRecorded = await this.#record(taskId, [{ ...report, engine_run_id: run.id }], accountId);
    if (isRecorded) this.#pending.remove(entry);
    else this.#pending.ignore(entry);
  }

  /** @returns false if the reports can never be stored */
  async #record(taskId: string, reports: ReportedRun[], accountId: string | undefined): Promise<boolean> {
    try {
      await this.#options.runs.recordRuns(taskId, reports, accountId);
      return true;
    } catch (error) {
      if (
        error instanceof UnknownTask ||
        error instanceof RunOfAnotherTask ||
        error instanceof RunOfTheEngine
      )
        return false;
      if (!isRefused(error)) throw error;
      this.#options.log.error({ err: error, taskId }, 'the database refused to store runs from Trigger.dev');
      return false;
    }
  }

  /** Advances the instants from which the next listing starts, and from which a new leader would start. */
  async #advance(newest: Date | undefined): Promise<void> {
    const { store, clock } = this.#options;
    if (newest) {
      // `newest` was measured by the clock of Trigger.dev, which may differ from ours. Use the earlier instant.
      const overlapMs = Math.min(newest.getTime(), clock.now().getTime()) - OVERLAP_MS;
      this.#listFrom = new Date(Math.max(this.#listFrom.getTime(), overlapMs));
    }
    const { createdAt } = this.#pending.summary();
    const from = createdAt && createdAt < this.#listFrom ? createdAt : this.#listFrom;
    if (from.getTime() === this.#storedFrom?.getTime()) return;
    await store.setRunsFrom(from);
    this.#storedFrom = from;
  }
}
