/** The document of the collection `engine`: which engine executes this database's tasks. */
export interface EngineDocument {
  _id: 'engine';
  /** How it executes them, such as command or url. */
  kind: string;
  /** When an engine of that kind last said that it lives. */
  at: Date;
  /** When an engine first ran on this database. Fire times before that are nobody's. */
  first_at: Date;
}
