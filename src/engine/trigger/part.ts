import type { Logger } from 'pino';
import type { TriggerSettings } from '../../config/trigger-settings.ts';
import type { Collections } from '../../store/collections.ts';
import type { TriggerDocument } from '../../store/trigger-document.ts';
import type { Clock, EngineState } from '../port.ts';
import type { TriggerApi } from './api.ts';

export interface TriggerTools {
  collections: Collections;
  api: TriggerApi;
  settings: TriggerSettings;
  /** The state that all processes share, as this process read it when it became the leader. */
  shared: TriggerDocument;
  clock: Clock;
  log: Logger;
}

/** Work that the leading process repeats. A process creates its parts each time it becomes the leader. */
export interface Part {
  /** Names the work in logs. */
  readonly name: string;
  readonly everyMs: number;
  /** Whether a pass starts at once after a run was queued. */
  readonly wakes?: boolean;
  /** Returns this part's values for the metrics. */
  figures?(): Pick<EngineState, 'pending' | 'behindSeconds' | 'strays'>;
  /**
   * Makes one pass. After a TriggerFailure, the next pass starts 1 to 20 seconds later.
   * @param signal - aborted when this process no longer leads
   * @returns a problem that operators should know about, e.g. that too many schedules have no task
   */
  run(signal: AbortSignal): Promise<string | undefined>;
}
