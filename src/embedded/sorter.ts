import { CommandError } from './errors.ts';
import { type KeyPart, indexEntry } from './index-keys.ts';
import type { RawValue } from './raw-bson.ts';

/** MongoDB's memory limit for a sort without an index, in bytes. */
const MAX_SORT_BYTES = 100 * 1024 * 1024;
/** Number of documents to collect beyond `keep` before the Sorter drops the surplus. */
const SURPLUS = 1000;

/** Sorts documents in memory and keeps only the first `keep` of them. The sort is stable. */
export class Sorter<T extends { readonly document: RawValue }> {
  readonly #sort: readonly KeyPart[];
  readonly #keep: number;
  #items: { readonly key: Buffer; readonly item: T }[] = [];
  #bytes = 0;

  constructor(sort: readonly KeyPart[], keep: number) {
    this.#sort = sort;
    this.#keep = keep;
  }

  /** @throws CommandError 292 if the kept documents exceed MAX_SORT_BYTES */
  add(item: T): void {
    const { key } = indexEntry(item.document, this.#sort);
    this.#items.push({ key, item });
    this.#bytes += sizeOf({ key, item });
    if (this.#items.length >= this.#keep + SURPLUS || this.#bytes > MAX_SORT_BYTES) this.#dropRest();
    if (this.#bytes <= MAX_SORT_BYTES) return;
    throw new CommandError(
      292,
      `Sort exceeded memory limit of ${MAX_SORT_BYTES} bytes, and the embedded engine does not sort on disk. Add an index.`,
    );
  }

  sorted(): T[] {
    this.#dropRest();
    return this.#items.map(({ item }) => item);
  }

  #dropRest(): void {
    this.#items = this.#items
      .toSorted((left, right) => Buffer.compare(left.key, right.key))
      .slice(0, this.#keep);
    this.#bytes = this.#items.reduce((sum, keyed) => sum + sizeOf(keyed), 0);
  }
}

function sizeOf({ key, item }: { key: Buffer; item: { document: RawValue } }): number {
  return key.length + item.document.end - item.document.start;
}
