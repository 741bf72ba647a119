import { EJSON, deserialize } from 'bson';
import { NULL, documentOf } from './bson-writer.ts';
import { type Collection, type IndexInfo, namespaceOf, patternDocument } from './catalog.ts';
import { CommandError } from './errors.ts';
import type { IndexEntry } from './index-keys.ts';
import { documentBytes } from './raw-bson.ts';

/** Returns MongoDB's E11000 error with its keyPattern and keyValue. */
export function duplicateKey(collection: Collection, index: IndexInfo, entry: IndexEntry): CommandError {
  const values = index.parts.map(({ field }, at) => [field.text, entry.values[at] ?? NULL] as const);
  const keyValue = documentOf(values);
  const text = EJSON.stringify(deserialize(documentBytes(keyValue)));
  return new CommandError(
    11000,
    `E11000 duplicate key error collection: ${namespaceOf(collection)} index: ${index.name} dup key: ${text}`,
    { keyPattern: patternDocument(index.parts), keyValue },
  );
}
