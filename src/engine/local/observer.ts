import type { OccurrenceDocument } from '../../store/occurrence-document.ts';

/** Receives the engine's events, for metrics. */
export interface EngineObserver {
  /** A fire time was decided. */
  decided(outcome: OccurrenceDocument['outcome']): void;
  /** A run's first attempt started this long after the run was due. */
  started(lateSeconds: number): void;
  /** An attempt ended; `outcome` is the kind of its outcome, or the reason for its abort. */
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
