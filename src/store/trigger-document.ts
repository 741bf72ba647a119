/** The only document of the collection `trigger`. It belongs to the engine that executes tasks on Trigger.dev. */
export interface TriggerDocument {
  _id: 'trigger';
  /** Part of the deduplication keys of this installation's schedules. Never changes. */
  installation: string;
  /** Id of the process that leads, as long as it renews the lease. Null after it has stopped. */
  owner: string | null;
  /** End of the lease. */
  until: Date;
  /**
   * The instant from which the next leader lists runs. Every earlier run is stored: with its details, or with a
   * status that is not final. Absent before the first listing.
   */
  runs_from?: Date;
}
