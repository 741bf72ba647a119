/** The only document of the collection `trigger`. It belongs to the engine that executes tasks on Trigger.dev. */
export interface TriggerDocument {
  _id: 'trigger';
  /** Random id of this installation. Part of the deduplication keys of its schedules at Trigger.dev. Never changes. */
  installation: string;
  /**
   * Id of the leader: the one process that synchronizes with Trigger.dev, as long as it renews the lease. Null after
   * the leader has released the lease.
   */
  owner: string | null;
  /** When the lease ends unless the owner renews it. */
  until: Date;
  /**
   * The creation instant from which the next leader lists runs at Trigger.dev. Every run created earlier is stored:
   * with its details, or with a status that is not final. Absent before the first complete listing.
   */
  runs_from?: Date;
}
