import type { OccurrenceDocument } from '../../store/occurrence-document.ts';

/** Receives the events of an engine that the metrics count. */
export interface EngineObserver {
  /** This process decided that a fire time fires, is skipped, or was missed. */
  decided(outcome: OccurrenceDocument['outcome']): void;
  /** A run's first attempt started this long after the run was due. */
  started(lateSeconds: number): void;
  /** An attempt ended. @param outcome - the `kind` of its Result, or the StopReason if it was aborted */
  attempted(outcome: string): void;
  /** This process released the claim of another worker, which had stopped renewing the claim. */
  lostLease(): void;
}

export const silentObserver: EngineObserver = {
  decided: () => {},
  started: () => {},
  attempted: () => {},
  lostLease: () => {},
};
