import { randomBytes } from 'node:crypto';
import { CommandError } from './errors.ts';
import type { RawValue } from './raw-bson.ts';

/** A result that is handed out in batches. */
export interface ResultSource {
  /** Up to `count` documents and about `maxBytes`; `done` when none is left. */
  nextBatch(count: number, maxBytes: number): Promise<{ documents: RawValue[]; done: boolean }>;
}

interface OpenCursor {
  readonly namespace: string;
  readonly source: ResultSource;
  usedAt: number;
  busy: boolean;
}

/** As MongoDB: an idle cursor is closed after ten minutes. */
const IDLE_MS = 10 * 60_000;
/** Beyond this, the longest idle cursor is closed for a new one. */
const MAX_CURSORS = 1000;
/**
 * Bytes of documents in one reply, which the last document may exceed. MongoDB allows 16 MB; making a reply of that size
 * holds up the whole process.
 */
export const MAX_BATCH_BYTES = 4 * 1024 * 1024;

/** The open cursors of all connections. They outlive the connection that made them, as in MongoDB. */
export class Cursors {
  readonly #open = new Map<bigint, OpenCursor>();

  /** Registers a cursor; returns its id. */
  add(namespace: string, source: ResultSource): bigint {
    this.#sweep();
    let id = 0n;
    while (id === 0n || this.#open.has(id)) id = randomBytes(8).readBigInt64LE() & 0x7fff_ffff_ffff_ffffn;
    this.#open.set(id, { namespace, source, usedAt: Date.now(), busy: false });
    return id;
  }

  /**
   * The next batch of a cursor, which is forgotten when it has no more.
   * @throws CommandError 43 if there is no such cursor, 13 if it belongs to another collection, 292-like from its query
   */
  async next(
    id: bigint,
    namespace: string,
    count: number,
  ): Promise<{ documents: RawValue[]; done: boolean }> {
    const cursor = this.#open.get(id);
    if (!cursor) throw new CommandError(43, `cursor id ${id} not found`);
    if (cursor.namespace !== namespace) {
      throw new CommandError(
        13,
        `Requested getMore on namespace '${namespace}', but cursor belongs to a different namespace ${cursor.namespace}`,
      );
    }
    if (cursor.busy) throw new CommandError(12051, `cursor id ${id} is already in use`);
    cursor.busy = true;
    let done = true;
    try {
      const batch = await cursor.source.nextBatch(count, MAX_BATCH_BYTES);
      done = batch.done;
      return batch;
    } finally {
      cursor.busy = false;
      this.#touch(id, cursor, done);
    }
  }

  /** Forgets a cursor; false if there is none of that id in the namespace. */
  kill(id: bigint, namespace: string): boolean {
    return this.#open.get(id)?.namespace === namespace && this.#open.delete(id);
  }

  get size(): number {
    return this.#open.size;
  }

  /** Moves the cursor to the end of the map, whose order is that of last use. */
  #touch(id: bigint, cursor: OpenCursor, done: boolean): void {
    const wasOpen = this.#open.delete(id);
    if (done || !wasOpen) return;
    cursor.usedAt = Date.now();
    this.#open.set(id, cursor);
  }

  #sweep(): void {
    const now = Date.now();
    for (const [id, { usedAt, busy }] of this.#open) {
      if (busy) continue;
      if (now - usedAt < IDLE_MS && this.#open.size < MAX_CURSORS) return;
      this.#open.delete(id);
    }
  }
}
