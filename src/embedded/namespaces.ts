import { CommandError } from './errors.ts';
import type { Call } from './engine.ts';

/** MongoDB's limit for the length of "database.collection", in bytes. */
const MAX_NAMESPACE_BYTES = 255;

/**
 * Returns the collection name in a field of a command, by default the first one, e.g. `find: 'tasks'`.
 * @throws CommandError 73 for a name that MongoDB refuses
 */
export function collectionName({ args, db }: Call, field: string = args.group): string {
  const name = args.text(field);
  if (name === undefined) throw new CommandError(73, `collection name has invalid type in '${field}'`);
  const bytes = Buffer.byteLength(`${db}.${name}`);
  if (name === '' || /^\.|\.$|[$\0]|^system\./.test(name) || bytes > MAX_NAMESPACE_BYTES) {
    throw new CommandError(73, `Invalid or internal namespace: '${db}.${name}'`);
  }
  return name;
}

/** Throws CommandError 73 for a database name that MongoDB refuses. */
export function checkDatabaseName(db: string): void {
  if (db === '' || Buffer.byteLength(db) > 63 || /[/\\. "$\0]/.test(db)) {
    throw new CommandError(73, `Invalid database name: '${db}'`);
  }
}
