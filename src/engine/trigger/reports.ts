import type { RunReport } from '../../../generated/types.gen.ts';
import { storableText } from '../../lib/storable.ts';
import { outputOfValue } from '../executors/output.ts';
import type { ListedRun, TriggerRun } from './api.ts';

/** The limits of the fields of RunReport in openapi.yaml. */
const NAME = 255;
const KEY = 2_048;
const MESSAGE = 100_000;
const STACK = 200_000;
const TAGS = 10;
const AMOUNT = 1e12;
const DEPTH = 2_147_483_647;
const FIRST_INSTANT = Date.UTC(1000, 0, 1);
const LAST_INSTANT = Date.UTC(3000, 0, 1) - 1;

export type Large = 'payload' | 'output';

function text(value: string, limit: number): string;
function text(value: string | undefined, limit: number): string | undefined;
function text(value: string | undefined, limit: number): string | undefined {
  // Replace unstorable characters after the cut, which may split a surrogate pair.
  return value === undefined ? undefined : storableText(value.slice(0, limit));
}

const within = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

function instant(date: Date): string;
function instant(date: Date | undefined): string | undefined;
function instant(date: Date | undefined): string | undefined {
  return date && new Date(within(date.getTime(), FIRST_INSTANT, LAST_INSTANT)).toISOString();
}

/** Returns a JSON value as a run can store it: unchanged, or as text with a note that explains why. */
export function storable(value: unknown, what: string): unknown {
  if (value === undefined) return undefined;
  try {
    return outputOfValue(value, what);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { text: '', truncated: true, note: `The ${what} is nested too deep.` };
  }
}

function storableObject(value: unknown, what: string): Record<string, unknown> | undefined {
  const stored = storable(value, what);
  return typeof stored === 'object' && stored !== null ? { ...stored } : undefined;
}

function errorOf({ message, name, stackTrace }: NonNullable<TriggerRun['error']>): RunReport['error'] {
  return {
    message: text(message, MESSAGE),
    ...(name !== undefined && { name: text(name, NAME) }),
    ...(stackTrace !== undefined && { stackTrace: text(stackTrace, STACK) }),
  };
}

function commonOf(run: ListedRun | TriggerRun): RunReport {
  return {
    id: run.id,
    status: run.status,
    taskIdentifier: text(run.taskIdentifier, NAME),
    idempotencyKey: text(run.idempotencyKey, KEY),
    version: text(run.version, NAME),
    isCompleted: run.isCompleted,
    isTest: run.isTest,
    createdAt: instant(run.createdAt),
    updatedAt: instant(run.updatedAt),
    startedAt: instant(run.startedAt),
    finishedAt: instant(run.finishedAt),
    delayedUntil: instant(run.delayedUntil),
    ttl: text(run.ttl, NAME),
    expiredAt: instant(run.expiredAt),
    tags: run.tags.slice(0, TAGS).map((tag) => text(tag, NAME)),
    costInCents: within(run.costInCents, 0, AMOUNT),
    baseCostInCents: within(run.baseCostInCents, 0, AMOUNT),
    durationMs: within(run.durationMs, 0, AMOUNT),
    metadata: storableObject(run.metadata, 'metadata'),
  };
}

/** Converts a listed run to a report for `recordRuns`. Details that listings lack, e.g. the output, are absent. */
export function reportOfListed(run: ListedRun): RunReport {
  const { id, name, user } = run.env;
  return {
    ...commonOf(run),
    env: { id: text(id, NAME), name: text(name, NAME), user: text(user, NAME) },
  };
}

/**
 * Converts a retrieved run to a report for `recordRuns`. Truncates or replaces values that the API would refuse.
 * @param download - returns the content of a file that holds a large value
 */
export async function reportOfRetrieved(
  run: TriggerRun,
  download: (url: string, what: Large) => Promise<unknown>,
): Promise<RunReport> {
  const valueOf = async (value: unknown, url: string | undefined, what: Large) =>
    url === undefined ? storable(value, what) : download(url, what);
  return {
    ...commonOf(run),
    depth: within(Math.trunc(run.depth), 0, DEPTH),
    triggerFunction: run.triggerFunction,
    batchId: text(run.batchId, NAME),
    payload: await valueOf(run.payload, run.payloadPresignedUrl, 'payload'),
    output: await valueOf(run.output, run.outputPresignedUrl, 'output'),
    error: run.error && errorOf(run.error),
    // Trigger.dev always sends an empty list, and the SDK drops the field.
    attempts: [],
    schedule: storableObject(run.schedule, 'schedule'),
    relatedRuns: storableObject(run.relatedRuns, 'list of related runs'),
  };
}
