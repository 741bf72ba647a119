import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** The process counts as busy if its event loop is active for more than this share of the time. */
const BUSY_SHARE = 0.5;

/** Returns the utilization of the event loop so far, as the start of an interval for wasBusySince(). */
export function eventLoopUse(): EventLoopUtilization {
  return performance.eventLoopUtilization();
}

/** Whether this process has executed code, rather than waited, for most of the time since `then`. */
export function wasBusySince(then: EventLoopUtilization): boolean {
  return performance.eventLoopUtilization(then).utilization > BUSY_SHARE;
}
