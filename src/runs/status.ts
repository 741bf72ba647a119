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
