/** The only document of the collection `trigger`. It belongs to the engine that executes tasks on Trigger.dev. */
export interface TriggerDocument {
  _id: 'trigger';
  /** Part of the deduplication keys of this installation's schedules. Never changes. */
  installation: string;
  /** The process that leads, until it fails to renew its lease. Null after it stopped. */
  owner: string | null;
  /** End of the lease. */
  until: Date;
  /** All runs created before this instant were brought here completely. Absent before the first pass. */
  runs_from?: Date;
}
