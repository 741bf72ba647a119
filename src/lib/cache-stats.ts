/** Statistics of a cache. `hits` and `misses` are totals since the start of the process. */
export interface CacheStats {
  hits: number;
  misses: number;
  entries: number;
  /** Approximate memory of the entries, if the cache measures it. */
  bytes?: number;
}
