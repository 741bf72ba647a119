import type { RunStatus } from '../../generated/types.gen.ts';

/** Statuses in which a run has ended for good (openapi.yaml, RunStatus). */
export const finalStatuses = [
  'COMPLETED',
  'CANCELED',
  'FAILED',
  'CRASHED',
  'INTERRUPTED',
  'SYSTEM_FAILURE',
] as const satisfies RunStatus[];

/** Whether a run with this status has ended for good. */
export function isFinal(status: RunStatus): boolean {
  return finalStatuses.some((final) => final === status);
}

/** The steps that a run takes, in order (openapi.yaml, recordRuns). */
const steps: readonly (readonly RunStatus[])[] = [
  ['PENDING_VERSION', 'DELAYED'],
  ['QUEUED'],
  ['EXECUTING', 'REATTEMPTING', 'FROZEN'],
  finalStatuses,
];

/** The position of a status's step. */
export function stepOf(status: RunStatus): number {
  return steps.findIndex((step) => step.includes(status));
}

/** The statuses that a run never leaves for the given one. */
export function finalsBarring(status: RunStatus): RunStatus[] {
  return finalStatuses.filter((final) => final !== status);
}

/** The statuses that a report with the given status and the run's own `updatedAt` does not replace. */
export function statusesBarring(status: RunStatus): RunStatus[] {
  return [...steps.slice(stepOf(status) + 1).flat(), ...finalsBarring(status)];
}
