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
  /** Per field: some document has had an array there, of which earlier versions indexed each element. */
  readonly multikey: readonly boolean[];
  /**
   * Per field: the type of its numbers (key-values.ts), which their keys do not tell. Undefined in an index of a program
   * that did not note it.
   */
  readonly numbers?: readonly NumberType[] | undefined;
  /** Some key was too long to be stored whole, so the stored order is not the values' order. */
  readonly longKeys: boolean;
  /** False while it is being built: kept up to date by writers, but not read. */
  readonly ready: boolean;
}

/** What the store keeps about a collection. */
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
  /** The next record id; records are numbered in insertion order. */
  nextRecord: number;
  dropped: boolean;
}

/** A collection's full name. */
export function namespaceOf({ db, name }: CollectionRecord): string {
  return `${db}.${name}`;
}

export const ID_INDEX_NAME = '_id_';

/** The record of a new collection with its _id index; `id` and `indexId` must be unused. */
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

/** Whether queries and writes can use an index; earlier versions also made some on paths, and over arrays. */
export function isUsable({ parts, multikey }: IndexInfo): boolean {
  return !multikey.includes(true) && parts.every(({ field }) => !field.text.includes('.'));
}

/** A key pattern as a document, such as {a: 1, b: -1}. */
export function patternDocument(parts: readonly KeyPart[]): RawValue {
  return documentOf(parts.map(({ field, direction }) => [field.text, rawOf(direction)]));
}

/** The text by which indexes are compared, such as `a:1,b:-1`. */
export function patternText(parts: readonly KeyPart[]): string {
  return parts.map(({ field, direction }) => `${field.text}:${direction}`).join(',');
}

/** Plain form for storage: names as text. */
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

/** Reads what encodeCollection wrote. Throws if it is something else. */
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
