import { randomBytes } from 'node:crypto';
import { CommandError } from './errors.ts';
import type { RawValue } from './raw-bson.ts';

/** Up to `count` documents of a result, in about `maxBytes`; `done` when none is left. */
export type NextBatch = (count: number, maxBytes: number) => Promise<Batch>;

export interface Batch {
  readonly documents: readonly RawValue[];
  readonly done: boolean;
}

interface OpenCursor {
  readonly namespace: string;
  readonly nextBatch: NextBatch;
}

/** Beyond this, the cursor that was used least recently is closed for a new one. */
const MAX_CURSORS = 1000;
/**
 * Bytes of documents in one reply, which the last document may exceed. MongoDB allows 16 MB; making a reply of that size
 * holds up the whole process.
 */
export const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/** The open cursors of all connections. They outlive the connection that made them, as in MongoDB. */
export class Cursors {
  /** The least recently used comes first. */
  readonly #open = new Map<bigint, OpenCursor>();

  /** Registers a cursor; returns its id. */
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
   * The next batch of a cursor, which is forgotten when it has no more or fails.
   * @throws CommandError 43 if there is no such cursor or it is in use, 13 if it belongs to another collection
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

  /** Forgets a cursor; false if there is none of that id in the namespace. */
  kill(id: bigint, namespace: string): boolean {
    return this.#open.get(id)?.namespace === namespace && this.#open.delete(id);
  }

  get size(): number {
    return this.#open.size;
  }
}
