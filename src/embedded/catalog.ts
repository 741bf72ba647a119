import { randomUUID } from 'node:crypto';
import { documentOf, rawOf } from './bson-writer.ts';
import { fieldNameOf } from './field-name.ts';
import type { KeyPart } from './index-keys.ts';
import type { NumberType } from './key-values.ts';
import type { RawValue } from './raw-bson.ts';

/** The stored description of an index. */
export interface IndexInfo {
  readonly id: number;
  readonly name: string;
  readonly parts: readonly KeyPart[];
  readonly unique: boolean;
  /** Documents expire this many seconds after the date in the indexed field; undefined without TTL. */
  readonly expireAfterSeconds: number | undefined;
  /** For each field, whether a document has ever had an array in it. True only if an earlier version made the index. */
  readonly multikey: readonly boolean[];
  /** For each field, the BSON type of its numbers, because keys omit it. Undefined in indexes of format 1. */
  readonly numbers?: readonly NumberType[] | undefined;
  /** Whether any key was too long to be stored whole. The stored keys then do not sort like the values. */
  readonly longKeys: boolean;
  /** False while the index is being built. Writes then update the index, but queries do not read it. */
  readonly ready: boolean;
}

export interface CollectionRecord {
  readonly id: number;
  readonly db: string;
  readonly name: string;
  readonly uuid: string;
  readonly indexes: readonly IndexInfo[];
}

/** A collection in memory: its stored description and state that is not stored. */
export interface Collection extends CollectionRecord {
  indexes: readonly IndexInfo[];
  /** The record number of the next document. Documents are numbered in insertion order. */
  nextRecord: number;
  /** Whether the collection was dropped or renamed. */
  dropped: boolean;
}

/** Returns the full name of a collection, e.g. `recoup.tasks`. */
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

/** Whether this version can use an index. Earlier versions also indexed arrays and paths such as `a.b`. */
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

/** Encodes a collection's description as JSON, with field names as text. */
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

/** Parses the text that encodeCollection() returned. */
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
