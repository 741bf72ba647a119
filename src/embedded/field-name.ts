import { badValue, unsupported } from './errors.ts';

/** The name of a field of a document, encoded once. */
export interface FieldName {
  readonly text: string;
  readonly bytes: Buffer;
}

/** A name as it is stored. */
export function fieldNameOf(text: string): FieldName {
  return { text, bytes: Buffer.from(text) };
}

/**
 * A name as a command gives it; `what` says where.
 * @throws CommandError 2 for paths into documents, names that start with $ and the empty one
 */
export function parseFieldName(text: string, what: string): FieldName {
  if (text === '' || text.startsWith('$')) {
    throw badValue(`${what}: a field name must not be empty or start with '$', but is '${text}'`);
  }
  if (text.includes('.')) throw unsupported(`${what}: the path '${text}' into a document`);
  return fieldNameOf(text);
}
