import { CommandError } from './errors.ts';
import { type KeyPart, indexEntries } from './index-keys.ts';
import type { RawValue } from './raw-bson.ts';

/** MongoDB's limit for sorting without an index, in bytes. */
const MAX_SORT_BYTES = 100 * 1024 * 1024;

/** The sort key of a document: of several array elements the one that comes first in this order. */
export function sortKey(document: RawValue, sort: readonly KeyPart[]): Buffer {
  const keys = indexEntries(document, sort).entries.map(({ key }) => key);
  return keys.reduce((least, key) => (Buffer.compare(key, least) < 0 ? key : least));
}

interface Sortable {
  readonly document: RawValue;
}

/** Sorts in memory, keeping no more than the first `keep`; equal documents stay in the order they came. */
export class Sorter<T extends Sortable> {
  readonly #sort: readonly KeyPart[];
  readonly #keep: number;
  #items: { key: Buffer; item: T }[] = [];
  #bytes = 0;

  constructor(sort: readonly KeyPart[], keep: number) {
    this.#sort = sort;
    this.#keep = keep;
  }

  /** @throws CommandError 292 if what must be kept exceeds 100 MB */
  add(item: T): void {
    const key = sortKey(item.document, this.#sort);
    this.#items.push({ key, item });
    this.#bytes += key.length + item.document.end - item.document.start;
    if (this.#items.length >= 2 * this.#keep + 64) this.#cut();
    if (this.#bytes <= MAX_SORT_BYTES) return;
    this.#cut();
    if (this.#bytes > MAX_SORT_BYTES) {
      throw new CommandError(
        292,
        `Sort exceeded memory limit of ${MAX_SORT_BYTES} bytes, and the embedded engine does not sort on disk. Add an index.`,
      );
    }
  }

  /** The kept items in order. */
  finish(): T[] {
    this.#cut();
    return this.#items.map(({ item }) => item);
  }

  #cut(): void {
    this.#items.sort((left, right) => Buffer.compare(left.key, right.key));
    if (this.#items.length <= this.#keep) return;
    this.#items = this.#items.slice(0, this.#keep);
    this.#bytes = this.#items.reduce(
      (sum, { key, item }) => sum + key.length + item.document.end - item.document.start,
      0,
    );
  }
}
