import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** Share of the time above which the process counts as busy. */
const BUSY_SHARE = 0.5;

/** Returns the event loop's utilization so far, for wasBusySince(). */
export function eventLoopUse(): EventLoopUtilization {
  return performance.eventLoopUtilization();
}

/** Whether this process has been busy with its own work, rather than waiting, for most of the time since `then`. */
export function wasBusySince(then: EventLoopUtilization): boolean {
  return performance.eventLoopUtilization(then).utilization > BUSY_SHARE;
}
