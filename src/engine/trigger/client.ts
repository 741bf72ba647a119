import type { ApiError } from '@trigger.dev/core/v3';
import { InvalidSettings } from '../../config/settings.ts';
import type { TriggerSettings } from '../../config/trigger-settings.ts';
import { reasonOf, systemCode } from '../../lib/system-errors.ts';
import type { Clock } from '../port.ts';
import { type FailureKind, type TriggerApi, TriggerFailure } from './api.ts';
import { type Priority, RequestBudget } from './request-budget.ts';

const PAGE = 100;
const TIME_LIMIT_MS = 15_000;
/** Maximum number of times that a request is sent if Trigger.dev's rate limit refuses it. */
const ATTEMPTS = 3;
const LEAST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** How long Trigger.dev remembers a run's idempotency key. In that time, a repeated hand-over starts no second run. */
const IDEMPOTENCY_KEY_TTL = '7d';
/** Maximum length of an error message from Trigger.dev. A proxy in front of it may send a whole HTML page. */
const MESSAGE = 500;

interface ClientOptions {
  settings: Pick<TriggerSettings, 'task' | 'secretKey' | 'apiUrl'>;
  clock: Clock;
  /** When aborted, all calls reject with its reason. */
  signal: AbortSignal;
}

/** @throws InvalidSettings if the optional package is not installed */
async function loadSdk(): Promise<typeof import('./sdk.ts')> {
  try {
    return await import('./sdk.ts');
  } catch (error) {
    // The loader of ES modules sets the first code, the CommonJS loader the second.
    if (!['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(systemCode(error))) throw error;
    throw new InvalidSettings([
      'TRIGGER_TASK requires @trigger.dev/core, which is not installed; run npm install @trigger.dev/core@4',
    ]);
  }
}

/** Returns the pause after a 429, in milliseconds: what its headers request, but at least 1 s and at most 60 s. */
function pauseOf(headers: ApiError['headers'], now: Date): number {
  const seconds = Number.parseFloat(headers?.['retry-after'] ?? '');
  const resetMs = Number.parseFloat(headers?.['x-ratelimit-reset'] ?? '') - now.getTime();
  const wantedMs = [seconds * 1_000, resetMs].find((ms) => Number.isFinite(ms)) ?? LEAST_PAUSE_MS;
  return Math.min(LONGEST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, wantedMs));
}

/** Returns the code or message of an error's innermost cause. The message of `fetch` itself is only "fetch failed". */
function innermost(error: Error): string {
  return error.cause instanceof Error ? innermost(error.cause) : systemCode(error) || error.message;
}

function kindOf({ status = 0, error }: ApiError): FailureKind {
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 429) return 'limited';
  // A 404 without a JSON error comes from another server, such as a proxy, so the object may exist.
  if (status === 404) return error === undefined ? 'unreachable' : 'notFound';
  return status >= 400 && status < 500 && status !== 408 ? 'refused' : 'unreachable';
}

/**
 * Returns a client of Trigger.dev's API. Its calls share one request budget, and each has a time limit.
 * @throws InvalidSettings if the optional package is not installed
 */
export async function createTriggerClient({ settings, clock, signal }: ClientOptions): Promise<TriggerApi> {
  const { ApiClient, ApiError, ApiSchemaValidationError } = await loadSdk();
  const { task, secretKey, apiUrl } = settings;
  const client = new ApiClient(apiUrl, secretKey, undefined, { retry: { maxAttempts: 1 } });
  const budget = new RequestBudget(clock, signal);
  /** Truncates a message, and removes the secret key from it: a server may quote the request. */
  const shortened = (text: string) => {
    const safe = text.replaceAll(secretKey, '[key]');
    return safe.length > MESSAGE ? `${safe.slice(0, MESSAGE)}…` : safe;
  };
  /** For each call in flight, a function that rejects it. */
  const inFlight = new Set<() => void>();
  const endAll = () => {
    for (const end of inFlight) end();
  };
  signal.addEventListener('abort', endAll, { once: true });

  function failureOf(error: unknown): TriggerFailure {
    if (error instanceof TriggerFailure) return error;
    if (error instanceof ApiSchemaValidationError) {
      return new TriggerFailure(
        'unreachable',
        `Trigger.dev sent an unexpected reply: ${shortened(error.message)}`,
      );
    }
    if (!(error instanceof ApiError) || error.status === undefined) {
      const reason = error instanceof Error ? innermost(error) : reasonOf(error);
      return new TriggerFailure('unreachable', `Trigger.dev cannot be reached: ${reason}`);
    }
    const text = `Trigger.dev replied with ${error.status}: ${shortened(error.message)}`;
    return new TriggerFailure(kindOf(error), text);
  }

  /** Returns a call's result, or rejects after the time limit. The call continues, because the SDK cannot abort it. */
  async function inTime<Result>(call: PromiseLike<Result>): Promise<Result> {
    let release = () => {};
    const over = new Promise<never>((_resolve, reject) => {
      const late = `Trigger.dev did not reply within ${TIME_LIMIT_MS / 1_000} seconds`;
      const cancelTimer = clock.setTimeout(
        () => reject(new TriggerFailure('unreachable', late)),
        TIME_LIMIT_MS,
      );
      const end = () => reject(signal.reason);
      inFlight.add(end);
      release = () => {
        cancelTimer();
        inFlight.delete(end);
      };
    });
    try {
      return await Promise.race([call, over]);
    } finally {
      release();
    }
  }

  async function send<Result>(
    request: () => PromiseLike<Result>,
    priority: Priority = 'first',
  ): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      await budget.take(priority);
      try {
        return await inTime(request());
      } catch (error) {
        signal.throwIfAborted();
        const failure = failureOf(error);
        if (failure.kind !== 'limited') throw failure;
        budget.pause(pauseOf(error instanceof ApiError ? error.headers : undefined, clock.now()));
        if (attempt === ATTEMPTS) throw failure;
      }
    }
  }

  // The SDK does not encode ids in paths.
  const path = encodeURIComponent;

  return {
    listSchedules: async (page) => {
      const { data, pagination } = await send(() => client.listSchedules({ page, perPage: PAGE }));
      return { schedules: data, totalPages: pagination.totalPages };
    },
    createSchedule: async (deduplicationKey, fields) =>
      send(() => client.createSchedule({ ...fields, deduplicationKey })),
    updateSchedule: async (id, fields) => send(() => client.updateSchedule(path(id), { ...fields })),
    activateSchedule: async (id) => send(() => client.activateSchedule(path(id))),
    deactivateSchedule: async (id) => send(() => client.deactivateSchedule(path(id))),
    deleteSchedule: async (id) => {
      await send(() => client.deleteSchedule(path(id)));
    },
    listRuns: async ({ statuses, ...query }) => {
      const { data, pagination } = await send(() =>
        client.listRuns({
          ...query,
          taskIdentifier: task,
          limit: PAGE,
          ...(statuses && { status: statuses }),
        }),
      );
      return { runs: data, next: pagination.next };
    },
    retrieveRun: async (id) => send(() => client.retrieveRun(path(id)), 'details'),
    triggerRun: async ({ payload, idempotencyKey, tags }) => {
      const options = { idempotencyKey, idempotencyKeyTTL: IDEMPOTENCY_KEY_TTL, tags };
      const { id } = await send(() => client.triggerTask(task, { payload, options }));
      return id;
    },
    cancelRun: async (id) => {
      await send(() => client.cancelRun(path(id)));
    },
  };
}
