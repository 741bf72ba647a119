import { badValue, unsupported } from './errors.ts';

/** A field name as text and in UTF-8, so that it is encoded only once. */
export interface FieldName {
  readonly text: string;
  readonly bytes: Buffer;
}

/** Encodes a field name that is known to be valid, e.g. from the store. */
export function fieldNameOf(text: string): FieldName {
  return { text, bytes: Buffer.from(text) };
}

/**
 * Checks and encodes a field name from a command. The error message starts with `what`, e.g. 'a filter'.
 * @throws CommandError 2 for a path into a document, a name that starts with $, or an empty name
 */
export function parseFieldName(text: string, what: string): FieldName {
  if (text === '' || text.startsWith('$')) {
    throw badValue(`${what}: a field name must not be empty or start with '$', but is '${text}'`);
  }
  if (text.includes('.')) throw unsupported(`${what}: the path '${text}' into a document`);
  return fieldNameOf(text);
}
