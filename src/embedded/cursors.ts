import { randomBytes } from 'node:crypto';
import { CommandError } from './errors.ts';
import type { RawValue } from './raw-bson.ts';

/** Returns a cursor's next documents, up to `count` and about `maxBytes` in total. `done` is true if none remain. */
export type NextBatch = (count: number, maxBytes: number) => Promise<Batch>;

export interface Batch {
  readonly documents: readonly RawValue[];
  readonly done: boolean;
}

interface OpenCursor {
  readonly namespace: string;
  readonly nextBatch: NextBatch;
}

/** Maximum number of open cursors. Opening another cursor closes the least recently used one. */
const MAX_CURSORS = 1000;
/**
 * Approximate size limit of a reply, in bytes; the last document may exceed it. MongoDB allows 16 MB, but building such
 * a reply blocks the whole process.
 */
export const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/** The open cursors of all connections. As in MongoDB, they outlive the connection that created them. */
export class Cursors {
  /** Open cursors by id, the least recently used first. */
  readonly #open = new Map<bigint, OpenCursor>();

  /** Registers a cursor and returns its id. */
  add(namespace: string, nextBatch: NextBatch): bigint {
    for (const [id] of this.#open) {
      if (this.#open.size < MAX_CURSORS) break;
      this.#open.delete(id);
    }
    let id = 0n;
    while (id === 0n || this.#open.has(id)) id = randomBytes(8).readBigInt64LE() & 0x7fff_ffff_ffff_ffffn;
    this.#open.set(id, { namespace, nextBatch });
    return id;
  }

  /**
   * Returns the next batch of a cursor. Closes the cursor if it is exhausted or fails.
   * @throws CommandError 43 if the cursor does not exist or is in use, 13 if it belongs to another collection
   */
  async next(id: bigint, namespace: string, count: number): Promise<Batch> {
    const cursor = this.#open.get(id);
    if (!cursor) throw new CommandError(43, `cursor id ${id} not found`);
    if (cursor.namespace !== namespace) {
      throw new CommandError(13, `cursor id ${id} belongs to '${cursor.namespace}', not to '${namespace}'`);
    }
    this.#open.delete(id);
    const batch = await cursor.nextBatch(count, MAX_BATCH_BYTES);
    if (!batch.done) this.#open.set(id, cursor);
    return batch;
  }

  /** Closes a cursor. @returns false if the namespace has no idle cursor with this id */
  kill(id: bigint, namespace: string): boolean {
    return this.#open.get(id)?.namespace === namespace && this.#open.delete(id);
  }

  get size(): number {
    return this.#open.size;
  }
}
