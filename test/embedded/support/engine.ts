import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Collection, type Db, type Document, MongoClient } from 'mongodb';
import { type EmbeddedServer, startEmbedded } from '../../../src/embedded/start.ts';

/** A running engine on a directory of its own, with a connected driver. */
export class TestEngine {
  readonly dataDir: string;
  server: EmbeddedServer;
  client: MongoClient;
  #names = 0;

  private constructor(dataDir: string, server: EmbeddedServer, client: MongoClient) {
    this.dataDir = dataDir;
    this.server = server;
    this.client = client;
  }

  static async start(): Promise<TestEngine> {
    const dataDir = await mkdtemp(join(tmpdir(), 'embedded-test-'));
    const server = await startEmbedded({ dataDir });
    return new TestEngine(dataDir, server, await new MongoClient(server.uri).connect());
  }

  get db(): Db {
    return this.client.db('test');
  }

  /** A collection that no other test has used; documents of any shape. */
  fresh(): Collection<Document> {
    this.#names += 1;
    return this.db.collection(`c${this.#names}`);
  }

  async restart(): Promise<void> {
    await this.client.close();
    await this.server.close();
    this.server = await startEmbedded({ dataDir: this.dataDir });
    this.client = await new MongoClient(this.server.uri).connect();
  }

  async stop(): Promise<void> {
    await this.client.close();
    await this.server.close();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

/** The error a promise rejects with; fails if it resolves. */
export async function failureOf(promise: Promise<unknown>): Promise<Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return Object.assign(Object.create(null), { message: error.message }, error);
  }
  throw new Error('expected a failure');
}
