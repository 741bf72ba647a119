import type { OccurrenceDocument } from '../../store/occurrence-document.ts';

/** What the engine reports for metrics. */
export interface EngineObserver {
  /** A fire time was decided. */
  decided(outcome: OccurrenceDocument['outcome']): void;
  /** A run's first attempt started so many seconds after it was due. */
  started(lateSeconds: number): void;
  /** An attempt ended: the executor's word, or why it was aborted. */
  attempted(outcome: string): void;
  /** Another worker's claim was taken for lost. */
  lostLease(): void;
}

export const silentObserver: EngineObserver = {
  decided: () => {},
  started: () => {},
  attempted: () => {},
  lostLease: () => {},
};
