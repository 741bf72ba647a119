import { type AnyBulkWriteOperation, type Document, type Filter, MongoServerError } from 'mongodb';
import { inOneOrder } from './bulk-order.ts';
import type { ReportedRun, RunDocument, RunRecord } from './run-document.ts';
import { finalsBarring, statusesBarring, stepOf } from './run-status.ts';

/**
 * Filters for stored runs whose `updatedAt` is not a date: another tool omitted it, or wrote null, a text or a number.
 * Every report counts as newer than such a run.
 */
const NO_INSTANT: Pick<Document, 'updatedAt'>[] = [null, { $gte: '' }, { $gte: -Infinity }].map(
  (updatedAt) => ({
    updatedAt,
  }),
);

type Write = AnyBulkWriteOperation<RunDocument>;
interface Owner {
  id: string;
  account_id: string;
}

/** Fields that an item of the engine's listing lacks. The stored values stay. */
type Unlisted = 'payload' | 'output' | 'error' | 'attempts' | 'schedule';
type OptionalField = {
  [Field in keyof RunRecord]-?: undefined extends RunRecord[Field] ? Field : never;
}[keyof RunRecord];

/** Fields that an item of the engine's listing removes unless it contains them. */
const LISTED = {
  triggerFunction: '',
  startedAt: '',
  finishedAt: '',
  delayedUntil: '',
  expiredAt: '',
  ttl: '',
  idempotencyKey: '',
  version: '',
  isTest: '',
  tags: '',
  metadata: '',
  costInCents: '',
  baseCostInCents: '',
  durationMs: '',
  env: '',
  depth: '',
  batchId: '',
  relatedRuns: '',
} as const satisfies Record<Exclude<OptionalField, Unlisted>, ''>;

/**
 * Matches the stored run if the report may replace it (openapi.yaml, recordRuns). The report must be newer, or
 * equally old and at least as far along. It must not replace a final status with another one. Every report counts as
 * newer than the hand-over to Trigger.dev. A run of another task or of the service's own engine never matches. If the
 * run exists but does not match, the upsert collides with its _id.
 */
function olderThan({ id, status, updatedAt }: RunRecord, task: Owner): Filter<RunDocument> {
  return {
    _id: id,
    task_id: task.id,
    // Only the engine may write its runs.
    fence: { $exists: false },
    $or: [
      { updatedAt: { $lt: updatedAt }, status: { $nin: finalsBarring(status) } },
      { updatedAt, status: { $nin: statusesBarring(status) } },
      ...NO_INSTANT.map((filter) => ({ ...filter, status: { $nin: finalsBarring(status) } })),
      { unreported: true, status: { $nin: finalsBarring(status) } },
    ],
  };
}

/** Returns the writes for an item of the engine's listing. They leave fields that such an item lacks unchanged. */
function writesOfItem(report: ReportedRun, task: Owner): Write[] {
  const filter = olderThan(report, task);
  const { id: _id, listItem, ...fields } = report;
  const named = Object.entries(fields).filter(([, value]) => value !== undefined);
  const $set = { ...Object.fromEntries(named), account_id: task.account_id };
  const listed = Object.entries(LISTED).filter(([name]) => !(name in $set));
  const $unset = { ...Object.fromEntries(listed), unreported: '' } as const;
  const error = listItem?.errorIfNone;
  if (!error) return [{ updateOne: { filter, update: { $set, $unset }, upsert: true } }];
  // At most one of the two matches. If it is the second, the first collides with the run's _id.
  return [
    {
      updateOne: {
        filter: { ...filter, error: null },
        update: { $set: { ...$set, error }, $unset },
        upsert: true,
      },
    },
    { updateOne: { filter: { ...filter, error: { $ne: null } }, update: { $set, $unset } } },
  ];
}

function writesOfReport(report: ReportedRun, task: Owner): Write[] {
  if (report.listItem) return writesOfItem(report, task);
  const { id: _id, listItem: _item, ...fields } = report;
  const replacement = { ...fields, task_id: task.id, account_id: task.account_id };
  return [{ replaceOne: { filter: olderThan(report, task), replacement, upsert: true } }];
}

/** Merges a report with an earlier one of the same run. */
function merged(earlier: ReportedRun, report: ReportedRun): ReportedRun {
  if (!report.listItem) return report;
  const errorIfNone = report.listItem.errorIfNone ?? earlier.listItem?.errorIfNone;
  const error = report.error === undefined ? earlier.error : report.error;
  const isErrorOpen = error === undefined && earlier.listItem !== undefined;
  return {
    ...report,
    payload: report.payload === undefined ? earlier.payload : report.payload,
    output: report.output === undefined ? earlier.output : report.output,
    attempts: report.attempts ?? earlier.attempts,
    schedule: report.schedule === undefined ? earlier.schedule : report.schedule,
    error: isErrorOpen ? undefined : (error ?? errorIfNone ?? error),
    listItem: earlier.listItem && (isErrorOpen ? { errorIfNone } : {}),
  };
}

function compareAge(one: RunRecord, other: RunRecord): number {
  return one.updatedAt.getTime() - other.updatedAt.getTime() || stepOf(one.status) - stepOf(other.status);
}

/** Returns one write per run. Several reports of the same run are merged, because a bulk guarantees no order. */
export function writesOf(task: Owner, reports: ReportedRun[]): Write[] {
  const newest = new Map<string, ReportedRun>();
  for (const report of reports.toSorted(compareAge)) {
    const before = newest.get(report.id);
    if (!before) newest.set(report.id, report);
    else if (!finalsBarring(report.status).includes(before.status))
      newest.set(report.id, merged(before, report));
  }
  return inOneOrder([...newest.values()], ({ id }) => id).flatMap((report) => writesOfReport(report, task));
}

/**
 * Whether the server replied to the bulk with an error, so that the bulk has ended. Otherwise it may still be in
 * progress.
 */
export function wasAnswered(error: unknown): boolean {
  return error instanceof MongoServerError && error.code !== undefined;
}
