import type { Logger } from 'pino';
import type { TriggerSettings } from '../../config/trigger-settings.ts';
import type { Collections } from '../../store/collections.ts';
import type { TriggerDocument } from '../../store/trigger-document.ts';
import type { Clock, EngineState } from '../port.ts';
import type { TriggerApi } from './api.ts';

/** Dependencies of the parts while this process leads. */
export interface TriggerTools {
  collections: Collections;
  api: TriggerApi;
  settings: TriggerSettings;
  /** The shared document as read when this process became the leader. */
  shared: TriggerDocument;
  clock: Clock;
  log: Logger;
}

/** Work that the leader repeats. A process creates its parts each time it becomes the leader. */
export interface Part {
  /** Names the work in logs and in the engine's problem. */
  readonly name: string;
  /** Time between two passes. */
  readonly everyMs: number;
  /** Whether a pass starts at once after a run was queued. */
  readonly wakes?: boolean;
  /** Values for the metrics. */
  figures?(): Pick<EngineState, 'pending' | 'behindSeconds' | 'strays'>;
  /**
   * Makes one pass. A TriggerFailure delays the next one by 1 to 20 seconds.
   * @param signal - aborted when this process no longer leads
   * @returns a problem that operators should know about, e.g. that too many schedules have no task
   */
  run(signal: AbortSignal): Promise<string | undefined>;
}
