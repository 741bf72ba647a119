import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** From this share of a time on, the process's own work is what took it. */
const BUSY_SHARE = 0.5;

/** How much the event loop has worked so far, for wasBusySince(). */
export function eventLoopUse(): EventLoopUtilization {
  return performance.eventLoopUtilization();
}

/** Whether this process's own work, rather than waiting, took most of the time since then. */
export function wasBusySince(then: EventLoopUtilization): boolean {
  return performance.eventLoopUtilization(then).utilization > BUSY_SHARE;
}
