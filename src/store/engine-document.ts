/** The document of the collection `engine`. It records which engine executes this database's tasks. */
export interface EngineDocument {
  _id: 'engine';
  /** How the engine executes tasks, e.g. `command`, `url` or `trigger`. */
  kind: string;
  /** When an engine of this kind last renewed the document. */
  at: Date;
  /** Start of the current uninterrupted series of renewals by engines of this kind. */
  live_since: Date;
  /** When an engine first ran on this database. Engines ignore earlier fire times. */
  first_at: Date;
}
