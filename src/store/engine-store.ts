import type { Filter } from 'mongodb';
import type { Collections } from './collections.ts';
import type { EngineDocument } from './engine-document.ts';
import { insertOnce } from './insert-missing.ts';

const ID = 'engine';
/** How long an engine counts as live after it has renewed its document. */
const LIVE_MS = 60_000;

/** Whether the last renewal is recent enough for the engine to count as live. */
export const isLiveAt = ({ at }: Pick<EngineDocument, 'at'>, now: Date): boolean =>
  now.getTime() - at.getTime() <= LIVE_MS;

/**
 * Stores which engine executes this database's tasks. All processes with the same kind of engine share the document.
 */
export class EngineStore {
  readonly #engine: Collections['engine'];

  constructor({ engine }: Pick<Collections, 'engine'>) {
    this.#engine = engine;
  }

  /**
   * Renews the document for a kind of engine, or takes it over from a dead engine of another kind.
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
    // A conflict means that another process has just inserted the document, or that its engine is of another kind.
    return (await insertOnce(this.#engine, first)) ? first : renewed();
  }

  /** Whether any engine has renewed the document within the last 60 seconds. */
  async isLive(now: Date): Promise<boolean> {
    return (await this.liveKind(now)) !== null;
  }

  /** Returns the kind of the engine that renewed the document within the last 60 seconds, or null. */
  async liveKind(now: Date): Promise<string | null> {
    const engine = await this.#engine.findOne({ _id: ID });
    return engine !== null && isLiveAt(engine, now) ? engine.kind : null;
  }
}
