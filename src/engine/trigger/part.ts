import type { Logger } from 'pino';
import type { TriggerSettings } from '../../config/trigger-settings.ts';
import type { Collections } from '../../store/collections.ts';
import type { TriggerDocument } from '../../store/trigger-document.ts';
import type { Clock, EngineState } from '../port.ts';
import type { TriggerApi } from './api.ts';

/** What the parts of the engine work with, while this process leads. */
export interface TriggerTools {
  collections: Collections;
  api: TriggerApi;
  settings: TriggerSettings;
  /** The shared document as it was when this process began to lead. */
  shared: TriggerDocument;
  clock: Clock;
  log: Logger;
}

/** A kind of work that the leader repeats. Created anew whenever this process begins to lead. */
export interface Part {
  /** Names the work in logs and in the engine's problem. */
  readonly name: string;
  /** Time between two passes. */
  readonly everyMs: number;
  /** Whether a pass starts at once after a run was queued. */
  readonly wakes?: boolean;
  /** What the metrics show. */
  figures?(): Pick<EngineState, 'pending' | 'behindSeconds' | 'strays'>;
  /**
   * Makes one pass. A TriggerFailure delays the next one by 1 to 20 seconds.
   * @param signal - aborted when this process no longer leads
   * @returns what operators should know, e.g. that the pass changed nothing because it would have changed too much
   */
  run(signal: AbortSignal): Promise<string | undefined>;
}
