import type { Collection, Db, MongoClient } from 'mongodb';
import { type CollectionRecord, documentValue, type StoreSnapshot } from '../../embedded/index.ts';
import { rawDocuments } from './compare.ts';

/**
 * Collection on the target that exists until the migration is complete. It lists the collections being copied and their
 * sources. A repeated migration may overwrite the listed collections.
 */
export const MARKER_COLLECTION = '_recoup_migration';

/** Thrown if the target contains documents that do not come from the database being migrated. */
export class ForeignDocuments extends Error {
  constructor(namespaces: readonly string[]) {
    super(
      `The target has documents that do not come from this database, in ${namespaces.join(', ')}. ` +
        'Migrate into an empty database: name another one in the path of --to, or empty this one. Nothing was changed.',
    );
    this.name = 'ForeignDocuments';
  }
}

interface Marker {
  /** Name of a collection that is being copied. */
  _id: string;
  /** UUID of the collection in the embedded database. */
  source: string;
}

/** The server to which a migration copies. Maps each source collection to its database there. */
export class MigrationTarget {
  readonly #client: MongoClient;
  readonly #names: ReadonlyMap<string, string>;

  /** @param names - names of databases on the server, by name at the source; other databases keep their names */
  constructor(client: MongoClient, names: ReadonlyMap<string, string>) {
    this.#client = client;
    this.#names = names;
  }

  db({ db }: CollectionRecord): Db {
    return this.#client.db(this.#names.get(db) ?? db);
  }

  collection(source: CollectionRecord): Collection {
    return this.db(source).collection(source.name);
  }

  /**
   * Checks that the target has no foreign documents, then writes the markers of the collections to copy.
   * @throws ForeignDocuments if the target has documents that neither equal the source's nor come from an interrupted
   * migration of the same collections
   */
  async claim(snapshot: StoreSnapshot): Promise<void> {
    const bySource = new Map<string, CollectionRecord[]>();
    for (const source of snapshot.collections) {
      const name = this.db(source).databaseName;
      bySource.set(name, [...(bySource.get(name) ?? []), source]);
    }
    const foreign: string[] = [];
    for (const [name, sources] of bySource) {
      foreign.push(...(await this.#foreignIn(this.#client.db(name), sources, snapshot)));
    }
    if (foreign.length > 0) throw new ForeignDocuments(foreign);
    for (const [name, sources] of bySource) {
      const markers = this.#markers(this.#client.db(name));
      for (const { name: _id, uuid } of sources) {
        await markers.replaceOne({ _id }, { source: uuid }, { upsert: true });
      }
    }
  }

  /** Removes the markers of a complete migration, so that a later migration does not overwrite these collections. */
  async release(snapshot: StoreSnapshot): Promise<void> {
    for (const db of new Set(snapshot.collections.map((source) => this.db(source).databaseName))) {
      await this.#markers(this.#client.db(db)).drop();
    }
  }

  #markers(db: Db): Collection<Marker> {
    return db.collection(MARKER_COLLECTION);
  }

  async #foreignIn(db: Db, sources: CollectionRecord[], snapshot: StoreSnapshot): Promise<string[]> {
    const marked = new Map<string, string>();
    for await (const { _id, source } of this.#markers(db).find()) marked.set(_id, source);
    const foreign: string[] = [];
    for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
      if (name === MARKER_COLLECTION || name.startsWith('system.')) continue;
      const source = sources.find((candidate) => candidate.name === name);
      if (source && marked.get(name) === source.uuid) continue;
      if (!(await isPartOf(db.collection(name), source, snapshot)))
        foreign.push(`${db.databaseName}.${name}`);
    }
    return foreign;
  }
}

/** Whether the source collection contains every document of a target collection, byte for byte. */
async function isPartOf(
  collection: Collection,
  source: CollectionRecord | undefined,
  snapshot: StoreSnapshot,
): Promise<boolean> {
  for await (const document of rawDocuments(collection, {})) {
    const ours = source && snapshot.find(source, documentValue(document));
    if (!ours?.equals(document)) return false;
  }
  return true;
}
