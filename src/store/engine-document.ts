/** The document of the collection `engine`: which engine executes this database's tasks. */
export interface EngineDocument {
  _id: 'engine';
  /** How it executes them, such as command or url. */
  kind: string;
  /** When an engine of that kind last renewed this document. */
  at: Date;
  /** Since when engines of that kind have renewed this document without a gap. */
  live_since: Date;
  /** When an engine first ran on this database. Engines ignore earlier fire times. */
  first_at: Date;
}
