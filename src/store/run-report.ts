import { type AnyBulkWriteOperation, type Document, type Filter, MongoServerError } from 'mongodb';
import { inOneOrder } from './bulk-order.ts';
import type { ReportedRun, RunDocument, RunRecord } from './run-document.ts';
import { finalsBarring, statusesBarring, stepOf } from './run-status.ts';

/**
 * Filters for stored runs whose `updatedAt` is not a date, because another tool omitted it or wrote null, a string or a
 * number. Every report counts as newer than such a run.
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

/** Fields that an item of a run listing lacks. Recording such an item leaves their stored values unchanged. */
type Unlisted = 'payload' | 'output' | 'error' | 'attempts' | 'schedule';
type OptionalField = {
  [Field in keyof RunRecord]-?: undefined extends RunRecord[Field] ? Field : never;
}[keyof RunRecord];

/**
 * Fields that an item of a run listing has whenever the run has them. Recording an item without such a field removes
 * the stored value.
 */
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
 * Returns the filter that matches the stored run if the report may replace it (openapi.yaml, recordRuns). The report
 * must be newer, or equally old with a status at least as far along. It must not replace a final status with another
 * one. Every report counts as newer than the hand-over to Trigger.dev. A run of another task or of the service's own
 * engine never matches. If the run exists but does not match, the upsert fails with a duplicate _id.
 */
function olderThan({ id, status, updatedAt }: RunRecord, task: Owner): Filter<RunDocument> {
  return {
    _id: id,
    task_id: task.id,
    // Only runs of the service's own engine have a fence. Reports must not change them.
    fence: { $exists: false },
    $or: [
      { updatedAt: { $lt: updatedAt }, status: { $nin: finalsBarring(status) } },
      { updatedAt, status: { $nin: statusesBarring(status) } },
      ...NO_INSTANT.map((filter) => ({ ...filter, status: { $nin: finalsBarring(status) } })),
      { unreported: true, status: { $nin: finalsBarring(status) } },
    ],
  };
}

/**
 * Returns the writes for a report that is an item of a run listing. They leave the fields that such an item lacks
 * unchanged.
 */
function writesOfItem(report: ReportedRun, task: Owner): Write[] {
  const filter = olderThan(report, task);
  const { id: _id, listItem, ...fields } = report;
  const named = Object.entries(fields).filter(([, value]) => value !== undefined);
  const $set = { ...Object.fromEntries(named), account_id: task.account_id };
  const listed = Object.entries(LISTED).filter(([name]) => !(name in $set));
  const $unset = { ...Object.fromEntries(listed), unreported: '' } as const;
  const error = listItem?.errorIfNone;
  if (!error) return [{ updateOne: { filter, update: { $set, $unset }, upsert: true } }];
  // The second write inserts a run that does not exist. It also matches a run that the first has changed, and then
  // changes nothing.
  return [
    { updateOne: { filter: { ...filter, error: null }, update: { $set: { ...$set, error }, $unset } } },
    {
      updateOne: {
        filter: { ...filter, error: { $ne: null } },
        update: { $set, $unset, $setOnInsert: { error } },
        upsert: true,
      },
    },
  ];
}

function writesOfReport(report: ReportedRun, task: Owner): Write[] {
  if (report.listItem) return writesOfItem(report, task);
  const { id: _id, listItem: _item, ...fields } = report;
  const replacement = { ...fields, task_id: task.id, account_id: task.account_id };
  return [{ replaceOne: { filter: olderThan(report, task), replacement, upsert: true } }];
}

/** Merges a report with an earlier report of the same run in the same request. */
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

/**
 * Returns the writes that record the reports. Merges several reports of the same run first, because an unordered bulk
 * write guarantees no order.
 */
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
 * Whether an error is the server's reply to a write, which means that the write has ended. After any other error, the
 * server may still be executing the write.
 */
export function wasAnswered(error: unknown): boolean {
  return error instanceof MongoServerError && error.code !== undefined;
}
