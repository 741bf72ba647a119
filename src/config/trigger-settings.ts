import type { CleanedEnv } from 'envalid';
import type { variables } from './variables.ts';

/** Settings of the engine that has Trigger.dev execute tasks. */
export interface TriggerSettings {
  /** Identifier of the task at Trigger.dev that executes this service's tasks. */
  task: string;
  secretKey: string;
  apiUrl: string;
  /** Prefix of the deduplication keys of this service's schedules at Trigger.dev. */
  prefix: string;
}

type Problem = string;

/** @returns the settings, undefined if TRIGGER_TASK is not set, or an error message */
export function triggerSettings(env: CleanedEnv<typeof variables>): TriggerSettings | Problem | undefined {
  const { TRIGGER_TASK: task, TRIGGER_SECRET_KEY: secretKey, TRIGGER_API_URL, TRIGGER_PREFIX } = env;
  if (!task) return undefined;
  if (!secretKey) return 'TRIGGER_TASK requires TRIGGER_SECRET_KEY, the API key of a Trigger.dev environment';
  return { task, secretKey, apiUrl: TRIGGER_API_URL, prefix: TRIGGER_PREFIX };
}
