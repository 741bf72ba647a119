import { LRUCache } from 'lru-cache';
import type { CacheStats } from '../lib/cache-stats.ts';
import type { RunDetail } from '../store/run-store.ts';
import type { TaskPart } from './part.ts';
import type { TaskVersion } from '../store/task-store.ts';

/** openapi.yaml, Caching: how late a change may show that another tool made without raising the task's version. */
const TRUSTED_MS = 55_000;

/** What a part takes beside its text: objects, ids, the rest of the text; measured at about this. */
const OVERHEAD_BYTES = 1_500;

interface Entry {
  part: TaskPart;
  keptAt: Date;
}

const keyOf = (id: string, runs: RunDetail): string => `${runs} ${id}`;

/**
 * The parts of tasks that were listed last, one of each task and detail of its runs, under a bound of memory. Without it (`maxBytes` 0) a listing
 * says the same and takes longer.
 */
export class PartCache {
  readonly #entries: LRUCache<string, Entry> | undefined;
  readonly #now: () => Date;
  #hits = 0;
  #misses = 0;

  constructor({ maxBytes, now }: { maxBytes: number; now: () => Date }) {
    this.#now = now;
    if (maxBytes > 0) {
      this.#entries = new LRUCache<string, Entry>({
        maxSize: maxBytes,
        sizeCalculation: ({ part }) => part.stored.bytes.length + OVERHEAD_BYTES,
      });
    }
  }

  /** A task's part at just that version. */
  find({ _id, version }: TaskVersion, runs: RunDetail): TaskPart | undefined {
    const entry = this.#entries?.get(keyOf(_id, runs));
    const fits =
      entry && entry.part.version === version && this.#now().getTime() - entry.keptAt.getTime() < TRUSTED_MS;
    if (fits) this.#hits += 1;
    else this.#misses += 1;
    return fits ? entry.part : undefined;
  }

  /** Keeps a part in place of another version of it. */
  keep(part: TaskPart): void {
    this.#entries?.set(keyOf(part.id, part.runs), { part, keptAt: this.#now() });
  }

  /** How often the part that was asked for was there, and how much is. */
  stats(): CacheStats {
    const { size = 0, calculatedSize = 0 } = this.#entries ?? {};
    return { hits: this.#hits, misses: this.#misses, entries: size, bytes: calculatedSize };
  }
}
