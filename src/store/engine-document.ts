/**
 * The only document of the collection `engine`: which kind of engine executes this database's tasks, and since when.
 */
export interface EngineDocument {
  _id: 'engine';
  /** How the engine executes tasks, e.g. `command`, `url` or `trigger`. */
  kind: string;
  /** The last heartbeat: when an engine of this kind last renewed this document. */
  at: Date;
  /** Start of the current series of heartbeats by engines of this kind. A gap of more than 60 seconds ends a series. */
  live_since: Date;
  /** When an engine of any kind first ran on this database. Engines ignore earlier fire times. */
  first_at: Date;
}
