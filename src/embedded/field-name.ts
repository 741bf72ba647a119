import { badValue, unsupported } from './errors.ts';

/** A field name, encoded once. */
export interface FieldName {
  readonly text: string;
  readonly bytes: Buffer;
}

/** Encodes a stored name without checks. */
export function fieldNameOf(text: string): FieldName {
  return { text, bytes: Buffer.from(text) };
}

/**
 * Checks and encodes a name from a command. `what` names the context in the error.
 * @throws CommandError 2 for a path into a document, a name that starts with $, or an empty name
 */
export function parseFieldName(text: string, what: string): FieldName {
  if (text === '' || text.startsWith('$')) {
    throw badValue(`${what}: a field name must not be empty or start with '$', but is '${text}'`);
  }
  if (text.includes('.')) throw unsupported(`${what}: the path '${text}' into a document`);
  return fieldNameOf(text);
}
