import type { OccurrenceDocument } from '../../store/occurrence-document.ts';

/** What the engine reports for metrics. */
export interface EngineObserver {
  /** A fire time was decided. */
  decided(outcome: OccurrenceDocument['outcome']): void;
  /** A run's first attempt started so many seconds after it was due. */
  started(lateSeconds: number): void;
  /** An attempt ended, with the kind of its outcome or the reason for its abort. */
  attempted(outcome: string): void;
  /** This process released the lost claim of another worker. */
  lostLease(): void;
}

export const silentObserver: EngineObserver = {
  decided: () => {},
  started: () => {},
  attempted: () => {},
  lostLease: () => {},
};
