import type { GetOptions } from 'lmdb';
/** lmdb's types lack the options of this method. */
declare module 'lmdb' {
  interface Database<V, K extends Key> {
    getBinaryFast(id: K, options?: GetOptions): Buffer | undefined;
  }
}
