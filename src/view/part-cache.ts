import { LRUCache } from 'lru-cache';
import type { CacheStats } from '../lib/cache-stats.ts';
import type { RunDetail, TaskPart } from './part.ts';
import type { TaskVersion } from '../store/task-store.ts';

/**
 * Maximum age of a cached part. It limits how long a change by another tool, which increments no version, stays
 * invisible (docs/http.md: 60 seconds).
 */
const TRUSTED_MS = 55_000;

/** Approximate memory of a part in addition to `stored`, as measured: objects, ids and `joined`. */
const OVERHEAD_BYTES = 1_500;

interface Entry {
  part: TaskPart;
  keptAt: Date;
}

const keyOf = (id: string, runs: RunDetail): string => `${runs} ${id}`;

/**
 * Caches the JSON text of recently listed tasks (TaskPart), one part per task and run detail, within a memory limit. If
 * `maxBytes` is 0, nothing is cached; listings then return the same, but take longer.
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

  /** Returns a task's part if it is cached with exactly this version and is not older than TRUSTED_MS. */
  find({ _id, version }: TaskVersion, runs: RunDetail): TaskPart | undefined {
    const entry = this.#entries?.get(keyOf(_id, runs));
    const fits =
      entry && entry.part.version === version && this.#now().getTime() - entry.keptAt.getTime() < TRUSTED_MS;
    if (fits) this.#hits += 1;
    else this.#misses += 1;
    return fits ? entry.part : undefined;
  }

  /** Caches a part. Replaces any other version of the same part. */
  keep(part: TaskPart): void {
    this.#entries?.set(keyOf(part.id, part.runs), { part, keptAt: this.#now() });
  }

  stats(): CacheStats {
    const { size = 0, calculatedSize = 0 } = this.#entries ?? {};
    return { hits: this.#hits, misses: this.#misses, entries: size, bytes: calculatedSize };
  }
}
