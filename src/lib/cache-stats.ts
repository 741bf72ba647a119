/** What a cache tells of itself; counts since the process started. */
export interface CacheStats {
  hits: number;
  misses: number;
  /** Entries that it holds now. */
  entries: number;
  /** What they take, where the cache knows. */
  bytes?: number;
}
