/** Settings of the engine that executes tasks on Trigger.dev. */
export interface TriggerSettings {
  kind: 'trigger';
  /** Identifier of the task at Trigger.dev that executes this service's tasks. */
  task: string;
  secretKey: string;
  apiUrl: string;
  /** Start of the deduplication keys of this service's schedules. */
  prefix: string;
}
