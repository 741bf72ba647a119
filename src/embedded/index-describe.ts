import { documentOf, rawOf } from './bson-writer.ts';
import { ID_INDEX_NAME, type IndexInfo } from './catalog.ts';
import type { KeyPart } from './index-keys.ts';
import type { RawValue } from './raw-bson.ts';

/** A key pattern as a document, such as {a: 1, b: -1}. */
export function patternDocument(parts: readonly KeyPart[]): RawValue {
  return documentOf(parts.map(({ path, direction }) => [path.text, rawOf(direction)]));
}

/** An index as listIndexes shows it. */
export function describeIndex(index: IndexInfo): RawValue {
  return rawOf({
    v: 2,
    key: patternDocument(index.parts),
    name: index.name,
    ...(index.unique && index.name !== ID_INDEX_NAME && { unique: true }),
    ...(index.expireAfterSeconds !== undefined && { expireAfterSeconds: index.expireAfterSeconds }),
  });
}
