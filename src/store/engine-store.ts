import type { Filter } from 'mongodb';
import type { Collections } from './collections.ts';
import type { EngineDocument } from './engine-document.ts';
import { insertOnce } from './insert-missing.ts';

const ID = 'engine';
/** How long an engine counts as live after its last heartbeat. */
const LIVE_MS = 60_000;

/** Whether the last heartbeat is recent enough for the engine to count as live. */
export const isLiveAt = ({ at }: Pick<EngineDocument, 'at'>, now: Date): boolean =>
  now.getTime() - at.getTime() <= LIVE_MS;

/**
 * Stores the heartbeat of the engine that executes this database's tasks. All processes with the same kind of engine
 * share one document.
 */
export class EngineStore {
  readonly #engine: Collections['engine'];

  constructor({ engine }: Pick<Collections, 'engine'>) {
    this.#engine = engine;
  }

  /**
   * Records a heartbeat of an engine of this kind. Takes over from an engine of another kind whose last heartbeat is
   * older than 60 seconds.
   * @returns the document; null while an engine of another kind is live
   */
  async renew(kind: string, now: Date): Promise<EngineDocument | null> {
    const dead = new Date(now.getTime() - LIVE_MS);
    const change = (seen: Filter<EngineDocument>, since: Partial<EngineDocument> = {}) =>
      this.#engine.findOneAndUpdate(
        { _id: ID, ...seen },
        { $set: { kind, at: now, ...since } },
        { returnDocument: 'after' },
      );
    const renewed = async () =>
      (await change({ kind, at: { $gte: dead }, live_since: { $lte: now } })) ??
      (await change({ $or: [{ kind }, { at: { $lt: dead } }] }, { live_since: now }));
    const document = await renewed();
    if (document) return document;
    const first: EngineDocument = { _id: ID, kind, at: now, live_since: now, first_at: now };
    // If the insert finds a document, another process has just inserted it, or an engine of another kind is live.
    return (await insertOnce(this.#engine, first)) ? first : renewed();
  }

  /** Whether an engine of any kind has recorded a heartbeat within the last 60 seconds. */
  async isLive(now: Date): Promise<boolean> {
    return (await this.liveKind(now)) !== null;
  }

  /** Returns the kind of the engine whose last heartbeat is at most 60 seconds old; null if no engine is live. */
  async liveKind(now: Date): Promise<string | null> {
    const engine = await this.#engine.findOne({ _id: ID });
    return engine !== null && isLiveAt(engine, now) ? engine.kind : null;
  }
}
