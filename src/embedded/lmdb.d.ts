import type { GetOptions } from 'lmdb';
/** lmdb's types declare getBinaryFast() without its second parameter. */
declare module 'lmdb' {
  interface Database<V, K extends Key> {
    getBinaryFast(id: K, options?: GetOptions): Buffer | undefined;
  }
}
