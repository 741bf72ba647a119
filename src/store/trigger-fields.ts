import type { TaskDocument } from './task-document.ts';

/** EngineDocument.kind of the engine that runs tasks on Trigger.dev. */
export const TRIGGER_KIND = 'trigger';

/** The value of each field that Trigger.dev supports, if any, and what it does instead of other values. */
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
  /** What Trigger.dev does instead: a verb and its object. */
  behavior: string;
}

/** Returns the fields of a task, or of a change to one, that Trigger.dev cannot honor. Null counts as absent. */
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
