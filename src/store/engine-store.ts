import type { Filter } from 'mongodb';
import type { Collections } from './collections.ts';
import type { EngineDocument } from './engine-document.ts';
import { insertOnce } from './insert-missing.ts';

const ID = 'engine';
/** An engine that has not renewed its document for this long is dead. */
const LIVE_MS = 60_000;

/** Whether a renewal is so recent that its engine is live. */
export const isLiveAt = ({ at }: Pick<EngineDocument, 'at'>, now: Date): boolean =>
  now.getTime() - at.getTime() <= LIVE_MS;

/** Which engine executes the tasks of this database. All processes of one kind share the document. */
export class EngineStore {
  readonly #engine: Collections['engine'];

  constructor({ engine }: Pick<Collections, 'engine'>) {
    this.#engine = engine;
  }

  /**
   * Renews the document for a kind of engine, or takes it over from a kind that is dead.
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
    // If it exists, another process has just inserted it, or its engine is of another kind.
    return (await insertOnce(this.#engine, first)) ? first : renewed();
  }

  /** Whether any engine has renewed the document within the last 60 seconds. */
  async isLive(now: Date): Promise<boolean> {
    return (await this.liveKind(now)) !== null;
  }

  /** The kind of the engine that has renewed the document within the last 60 seconds; null if there is none. */
  async liveKind(now: Date): Promise<string | null> {
    const engine = await this.#engine.findOne({ _id: ID });
    return engine !== null && isLiveAt(engine, now) ? engine.kind : null;
  }
}
