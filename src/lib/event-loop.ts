import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** The process counts as busy if its event loop is active for more than this share of the time. */
const BUSY_SHARE = 0.5;

/** Returns the event loop's utilization so far, for wasBusySince(). */
export function eventLoopUse(): EventLoopUtilization {
  return performance.eventLoopUtilization();
}

/** Whether this process has been busy with its own work, rather than waiting, for most of the time since `then`. */
export function wasBusySince(then: EventLoopUtilization): boolean {
  return performance.eventLoopUtilization(then).utilization > BUSY_SHARE;
}
