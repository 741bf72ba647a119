import type { TaskDocument } from './task-document.ts';

/** The value of EngineDocument.kind for the engine that runs tasks on Trigger.dev. */
export const TRIGGER_KIND = 'trigger';

/**
 * For each field that Trigger.dev does not fully support: the one value that it supports, if any, and what it does with
 * a task that has another value.
 */
const INSTEAD = {
  overlap: {
    supported: 'allow',
    behavior: 'starts every run when it is due, even while another run of the task executes',
  },
  catch_up: {
    supported: 'once',
    behavior: 'runs only the newest missed fire time late',
  },
  timeout_seconds: {
    supported: undefined,
    behavior: 'uses the time limit that the code of its task sets',
  },
  max_attempts: {
    supported: undefined,
    behavior: 'uses the number of attempts that the code of its task sets',
  },
} as const;

type Field = keyof typeof INSTEAD;

/** A field with a value that Trigger.dev does not support. */
export interface UnsupportedField {
  field: Field;
  value: string | number;
  /** The value that Trigger.dev supports; undefined if it supports none. */
  supported: string | undefined;
  /** What Trigger.dev does instead, as a verb phrase that can follow "Trigger.dev". */
  behavior: string;
}

/**
 * Returns the fields of a task, or of a change to a task, whose values Trigger.dev does not support. Null counts as
 * absent.
 */
export function unsupportedFields(task: {
  [Name in Field]?: TaskDocument[Name] | null;
}): UnsupportedField[] {
  const fields: Field[] = ['overlap', 'catch_up', 'timeout_seconds', 'max_attempts'];
  return fields.flatMap((field) => {
    const value = task[field];
    if (value === undefined || value === null || value === INSTEAD[field].supported) return [];
    return [{ field, value, ...INSTEAD[field] }];
  });
}
