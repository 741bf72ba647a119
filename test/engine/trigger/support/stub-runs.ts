/** The version whose statuses the package knows. */
export const API_VERSION = '2025-07-16';

export type RunStatus =
  | 'PENDING_VERSION'
  | 'QUEUED'
  | 'DEQUEUED'
  | 'EXECUTING'
  | 'WAITING'
  | 'COMPLETED'
  | 'CANCELED'
  | 'FAILED'
  | 'CRASHED'
  | 'SYSTEM_FAILURE'
  | 'DELAYED'
  | 'EXPIRED'
  | 'TIMED_OUT';

/** A run as the stub keeps it. */
export interface StubRun {
  id: string;
  status: RunStatus;
  taskIdentifier: string;
  idempotencyKey?: string;
  version?: string;
  isTest: boolean;
  createdAt: Date;
  updatedAt: Date;
  startedAt?: Date;
  finishedAt?: Date;
  delayedUntil?: Date;
  ttl?: string;
  expiredAt?: Date;
  tags: string[];
  costInCents: number;
  baseCostInCents: number;
  durationMs: number;
  metadata?: Record<string, unknown>;
  region?: string;
  payload?: unknown;
  /** Name of the file that a presigned URL refers to, instead of the payload. */
  payloadFile?: string;
  output?: unknown;
  /** As payloadFile. */
  outputFile?: string;
  error?: { message: string; name?: string; stackTrace?: string };
  schedule?: { id: string; cron: string; externalId?: string; deduplicationKey?: string };
  attemptCount: number;
}

export type NewRun = Partial<StubRun>;

const QUEUED = new Set<RunStatus>(['PENDING_VERSION', 'QUEUED', 'DEQUEUED', 'DELAYED']);
const FAILED = new Set<RunStatus>(['FAILED', 'CRASHED', 'SYSTEM_FAILURE']);
/** Those that Trigger.dev counts as completed: without EXPIRED and TIMED_OUT. */
const COMPLETED = new Set<RunStatus>([...FAILED, 'COMPLETED', 'CANCELED']);
const FINAL = new Set<RunStatus>([...COMPLETED, 'EXPIRED', 'TIMED_OUT']);
const UNSTARTED = new Set<RunStatus>([...QUEUED, 'EXPIRED', 'CANCELED']);

/** The names of statuses for callers that send no version of the API. */
const FORMER_NAMES: Partial<Record<RunStatus, string>> = {
  DEQUEUED: 'EXECUTING',
  WAITING: 'FROZEN',
  PENDING_VERSION: 'WAITING_FOR_DEPLOY',
};

export function runOf(id: string, now: Date, fields: NewRun): StubRun {
  const { createdAt = now, status = 'QUEUED' } = fields;
  const run: StubRun = {
    id,
    status,
    taskIdentifier: '',
    isTest: false,
    createdAt,
    updatedAt: createdAt,
    tags: [],
    costInCents: 0,
    baseCostInCents: 0,
    durationMs: 0,
    attemptCount: 0,
    ...fields,
  };
  return { ...run, ...impliedBy(run, run.updatedAt), ...fields };
}

/** The fields that follow from the run's status. */
export function impliedBy({ status, startedAt, finishedAt, attemptCount }: StubRun, now: Date): NewRun {
  const started = startedAt ?? (UNSTARTED.has(status) ? undefined : now);
  const finished = FINAL.has(status) ? (finishedAt ?? now) : undefined;
  return {
    startedAt: started,
    finishedAt: finished,
    attemptCount: started ? Math.max(1, attemptCount) : attemptCount,
    durationMs: started && finished ? finished.getTime() - started.getTime() : 0,
    ...(status === 'EXPIRED' && { expiredAt: now }),
  };
}

function commonOf(run: StubRun, headers: Headers) {
  const {
    payload: _p,
    payloadFile: _f,
    output: _o,
    outputFile: _u,
    error: _e,
    schedule: _s,
    attemptCount: _a,
    ...common
  } = run;
  const { status } = run;
  return {
    ...common,
    status: headers.get('x-trigger-api-version') === API_VERSION ? status : (FORMER_NAMES[status] ?? status),
    isQueued: QUEUED.has(status),
    isExecuting: status === 'EXECUTING',
    isWaiting: status === 'WAITING',
    isCompleted: COMPLETED.has(status),
    isSuccess: status === 'COMPLETED',
    isFailed: FAILED.has(status),
    isCancelled: status === 'CANCELED',
  };
}

export const generatorOf = (cron: string) => ({
  type: 'CRON',
  expression: cron,
  description: `Runs at ${cron}`,
});

export function listItemOf(run: StubRun, headers: Headers) {
  return { ...commonOf(run, headers), env: { id: 'env_1', name: 'prod' } };
}

/** @param files - start of presigned URLs */
export function describeRun(run: StubRun, headers: Headers, files: string) {
  const { payload, payloadFile, output, outputFile, error, schedule, attemptCount } = run;
  return {
    ...commonOf(run, headers),
    depth: 0,
    triggerFunction: 'trigger',
    ...(payloadFile === undefined ? { payload } : { payloadPresignedUrl: files + payloadFile }),
    ...(outputFile === undefined ? { output } : { outputPresignedUrl: files + outputFile }),
    error,
    schedule: schedule && {
      id: schedule.id,
      externalId: schedule.externalId,
      deduplicationKey: schedule.deduplicationKey,
      generator: generatorOf(schedule.cron),
    },
    relatedRuns: {},
    attemptCount,
    attempts: [],
  };
}
