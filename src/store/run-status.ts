import type { RunStatus } from '../../generated/types.gen.ts';

/** The statuses of runs that have ended. A run never leaves them (openapi.yaml, RunStatus). */
export const finalStatuses = [
  'COMPLETED',
  'CANCELED',
  'FAILED',
  'CRASHED',
  'INTERRUPTED',
  'SYSTEM_FAILURE',
] as const satisfies RunStatus[];

export function isFinal(status: string | undefined): boolean {
  return finalStatuses.some((final) => final === status);
}

/** Statuses of runs that have not ended. */
export const openStatuses = [
  'PENDING_VERSION',
  'DELAYED',
  'QUEUED',
  'EXECUTING',
  'REATTEMPTING',
  'FROZEN',
] as const satisfies Exclude<RunStatus, (typeof finalStatuses)[number]>[];

/** The statuses of a run, grouped into the steps through which it moves forward (openapi.yaml, recordRuns). */
const steps: readonly (readonly RunStatus[])[] = [
  ['PENDING_VERSION', 'DELAYED'],
  ['QUEUED'],
  ['EXECUTING', 'REATTEMPTING', 'FROZEN'],
  finalStatuses,
];

export function stepOf(status: RunStatus): number {
  return steps.findIndex((step) => step.includes(status));
}

/** Returns the final statuses that a report with this status cannot replace. */
export function finalsBarring(status: RunStatus): RunStatus[] {
  return finalStatuses.filter((final) => final !== status);
}

/** Returns the statuses that a report with this status cannot replace if both have the same `updatedAt`. */
export function statusesBarring(status: RunStatus): RunStatus[] {
  return [...steps.slice(stepOf(status) + 1).flat(), ...finalsBarring(status)];
}
