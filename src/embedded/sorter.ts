import { CommandError } from './errors.ts';
import { type KeyPart, indexEntries } from './index-keys.ts';
import type { RawValue } from './raw-bson.ts';

/** MongoDB's limit for sorting without an index, in bytes. */
const MAX_SORT_BYTES = 100 * 1024 * 1024;

/** Documents sorted at once: few enough not to hold up others. */
const RUN_LENGTH = 1000;

/** The sort key of a document: of several array elements the one that comes first in this order. */
export function sortKey(document: RawValue, sort: readonly KeyPart[]): Buffer {
  const keys = indexEntries(document, sort).entries.map(({ key }) => key);
  return keys.reduce((least, key) => (Buffer.compare(key, least) < 0 ? key : least));
}

interface Sortable {
  readonly document: RawValue;
}

interface Keyed<T> {
  readonly key: Buffer;
  readonly item: T;
}

/**
 * Sorts in memory, keeping no more than the first `keep`; equal documents stay in the order they came. It sorts short
 * runs while documents come and merges them while they are taken, so that there is no long step in between.
 */
export class Sorter<T extends Sortable> {
  readonly #sort: readonly KeyPart[];
  readonly #keep: number;
  #runs: Keyed<T>[][] = [];
  #fresh: Keyed<T>[] = [];
  #bytes = 0;

  constructor(sort: readonly KeyPart[], keep: number) {
    this.#sort = sort;
    this.#keep = keep;
  }

  /** @throws CommandError 292 if what must be kept exceeds 100 MB */
  add(item: T): void {
    const keyed = { key: sortKey(item.document, this.#sort), item };
    this.#fresh.push(keyed);
    this.#bytes += bytesOf(keyed);
    if (this.#fresh.length >= RUN_LENGTH) {
      this.#endRun();
      if (this.#keep < RUN_LENGTH) this.#dropRest();
    }
    if (this.#bytes <= MAX_SORT_BYTES) return;
    this.#endRun();
    this.#dropRest();
    if (this.#bytes > MAX_SORT_BYTES) {
      throw new CommandError(
        292,
        `Sort exceeded memory limit of ${MAX_SORT_BYTES} bytes, and the embedded engine does not sort on disk. Add an index.`,
      );
    }
  }

  /** The kept items in order. */
  *sorted(): Generator<T, void, void> {
    this.#endRun();
    for (const { item } of this.#firstOnes()) yield item;
  }

  #endRun(): void {
    this.#runs.push(this.#fresh.toSorted((left, right) => Buffer.compare(left.key, right.key)));
    this.#fresh = [];
  }

  #dropRest(): void {
    const kept = [...this.#firstOnes()];
    this.#runs = [kept];
    this.#bytes = kept.reduce((sum, keyed) => sum + bytesOf(keyed), 0);
  }

  *#firstOnes(): Generator<Keyed<T>, void, void> {
    let left = this.#keep;
    for (const keyed of merge(this.#runs)) {
      if (left === 0) return;
      left -= 1;
      yield keyed;
    }
  }
}

function bytesOf({ key, item }: Keyed<Sortable>): number {
  return key.length + item.document.end - item.document.start;
}

/** Merges sorted lists two and two; of equal items those of earlier lists come first. */
function merge<T>(runs: readonly Keyed<T>[][]): Iterable<Keyed<T>> {
  if (runs.length <= 1) return runs[0] ?? [];
  const middle = runs.length >> 1;
  return mergeTwo(merge(runs.slice(0, middle)), merge(runs.slice(middle)));
}

function* mergeTwo<T>(left: Iterable<Keyed<T>>, right: Iterable<Keyed<T>>): Generator<Keyed<T>, void, void> {
  const [earlier, later] = [left[Symbol.iterator](), right[Symbol.iterator]()];
  let [a, b] = [earlier.next(), later.next()];
  while (!a.done && !b.done) {
    if (Buffer.compare(a.value.key, b.value.key) <= 0) {
      yield a.value;
      a = earlier.next();
    } else {
      yield b.value;
      b = later.next();
    }
  }
  for (; !a.done; a = earlier.next()) yield a.value;
  for (; !b.done; b = later.next()) yield b.value;
}
