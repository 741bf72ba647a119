import { randomUUID } from 'node:crypto';
import { documentOf, rawOf } from './bson-writer.ts';
import { fieldNameOf } from './field-name.ts';
import type { KeyPart } from './index-keys.ts';
import type { NumberType } from './key-values.ts';
import type { RawValue } from './raw-bson.ts';

/** An index as stored in the catalog. */
export interface IndexInfo {
  readonly id: number;
  readonly name: string;
  readonly parts: readonly KeyPart[];
  readonly unique: boolean;
  /** TTL: seconds after the date in the indexed field. */
  readonly expireAfterSeconds: number | undefined;
  /** Per field: whether a document had an array there. Only earlier versions set it; they indexed each element. */
  readonly multikey: readonly boolean[];
  /** Per field: the type of its numbers (key-values.ts), which keys lack. Undefined in an earlier version's index. */
  readonly numbers?: readonly NumberType[] | undefined;
  /** Whether any key was too long to be stored whole, so that stored keys do not sort like the values. */
  readonly longKeys: boolean;
  /** False during the build, while writers update the index but queries do not read it. */
  readonly ready: boolean;
}

/** The stored description of a collection. */
export interface CollectionRecord {
  readonly id: number;
  readonly db: string;
  readonly name: string;
  readonly uuid: string;
  readonly indexes: readonly IndexInfo[];
}

/** A collection in memory. */
export interface Collection extends CollectionRecord {
  indexes: readonly IndexInfo[];
  /** The next record number. Records are numbered in insertion order. */
  nextRecord: number;
  dropped: boolean;
}

/** Returns the full name of a collection. */
export function namespaceOf({ db, name }: CollectionRecord): string {
  return `${db}.${name}`;
}

export const ID_INDEX_NAME = '_id_';

/** Creates the description of a new collection with its _id index. `id` and `indexId` must be unused. */
export function newCollection(db: string, name: string, id: number, indexId: number): CollectionRecord {
  const idIndex: IndexInfo = {
    id: indexId,
    name: ID_INDEX_NAME,
    parts: [{ field: fieldNameOf('_id'), direction: 1 }],
    unique: true,
    expireAfterSeconds: undefined,
    multikey: [false],
    numbers: [0],
    longKeys: false,
    ready: true,
  };
  return { id, db, name, uuid: randomUUID(), indexes: [idIndex] };
}

/** Whether queries and writes can use an index. Earlier versions also created indexes on paths and over arrays. */
export function isUsable({ parts, multikey }: IndexInfo): boolean {
  return !multikey.includes(true) && parts.every(({ field }) => !field.text.includes('.'));
}

/** Returns a key pattern as a document, e.g. {a: 1, b: -1}. */
export function patternDocument(parts: readonly KeyPart[]): RawValue {
  return documentOf(parts.map(({ field, direction }) => [field.text, rawOf(direction)]));
}

/** Returns a key pattern as text for comparison, e.g. `a:1,b:-1`. */
export function patternText(parts: readonly KeyPart[]): string {
  return parts.map(({ field, direction }) => `${field.text}:${direction}`).join(',');
}

/** Serializes a collection's description, with field names as text. */
export function encodeCollection({ id, db, name, uuid, indexes }: CollectionRecord): string {
  return JSON.stringify({
    id,
    db,
    name,
    uuid,
    indexes: indexes.map((index) => ({
      ...index,
      parts: index.parts.map(({ field, direction }) => ({ path: field.text, direction })),
    })),
  });
}

/** Parses what encodeCollection wrote. Throws for anything else. */
export function decodeCollection(text: string): CollectionRecord {
  const stored: StoredCollection = JSON.parse(text);
  const indexes = stored.indexes.map((index) => ({
    ...index,
    expireAfterSeconds: index.expireAfterSeconds ?? undefined,
    parts: index.parts.map(({ path, direction }) => ({ field: fieldNameOf(path), direction })),
  }));
  return { ...stored, indexes };
}

interface StoredCollection {
  readonly id: number;
  readonly db: string;
  readonly name: string;
  readonly uuid: string;
  readonly indexes: readonly (Omit<IndexInfo, 'parts'> & {
    readonly parts: readonly { readonly path: string; readonly direction: 1 | -1 }[];
  })[];
}
