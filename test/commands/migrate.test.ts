import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BSONSymbol, MongoClient } from 'mongodb';
import { StoreSnapshot } from '../../src/embedded/index.ts';
import { withoutCredentials } from '../../src/database/credentials.ts';
import { MigrationTarget } from '../../src/commands/migration/target.ts';
import { verifyDocuments } from '../../src/commands/migration/verify.ts';
import { type EngineProcess, endGently, spawnEngine } from '../embedded/support/processes.ts';
import { contentsOf, fillWithEverything } from '../support/contents.ts';
import { killAll, runCommand } from '../support/process.ts';
import { startProxy } from '../support/proxy.ts';

interface Side {
  dataDir: string;
  engine: EngineProcess;
  client: MongoClient;
}

let folder: string;
/** The embedded database, with a running engine. */
let here: Side;
/** A second engine, which stands for a MongoDB server. */
let there: Side;

async function startSide(name: string): Promise<Side> {
  const dataDir = join(folder, name);
  const engine = await spawnEngine(dataDir);
  return { dataDir, engine, client: await new MongoClient(engine.uri ?? '').connect() };
}

async function stopSide({ client, engine }: Side): Promise<void> {
  await client.close();
  await endGently(engine);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migrate-'));
  [here, there] = await Promise.all([startSide('here'), startSide('there')]);
});
afterEach(async () => {
  await Promise.all([stopSide(here), stopSide(there)]);
  await rm(folder, { recursive: true, force: true });
});
afterAll(killAll);

/** The connection string of the target, with a database in its path. */
const uriOf = (database = 'recoup') => (there.engine.uri ?? '').replace('/?', `/${database}?`);
const migrate = (uri: string | undefined = uriOf(), environment: Record<string, string> = {}) =>
  runCommand('migrate', { DATA_DIR: here.dataDir, ...environment }, ['--to', uri]);

type Numbered = { _id: number; text: string | BSONSymbol };
const things = ({ client }: Side) => client.db('recoup').collection<Numbered>('things');
const numbered = (count: number) =>
  Array.from({ length: count }, (_, _id): Numbered => ({ _id, text: 'x'.repeat(500) }));

const BATCH = 1_000;

/** Kills a migration that waits for the reply to its first batch, which the target has stored. */
async function interrupt(): Promise<void> {
  const proxy = await startProxy(uriOf());
  proxy.delayAnswer('insert');
  const child = migrate(proxy.uri);
  while ((await things(there).estimatedDocumentCount()) < BATCH) expect(child.isRunning()).toBe(true);
  child.kill('SIGKILL');
  expect(await child.ended).toMatchObject({ signal: 'SIGKILL' });
  await proxy.close();
}

describe('npm run migrate', () => {
  test('copies and compares every byte and index, into the database that the service would use', async () => {
    await fillWithEverything(here.client);
    const { code, stdout, stderr } = await migrate(uriOf('moved')).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/Copied 517 documents, replaced 0, deleted 0/);
    expect(stdout).toMatch(
      /Compared 4 collections, 517 documents, 2\.0 MB, 3 indexes with database moved: all equal/,
    );
    const original = await contentsOf(here.client);
    const expected = Object.fromEntries(
      Object.entries(original).map(([name, contents]) => [name.replace(/^recoup\./, 'moved.'), contents]),
    );
    expect(await contentsOf(there.client)).toEqual(expected);

    // Repeated, it finds all there; without --to it goes where MONGODB_URI leads.
    await stopSide(here);
    const again = await runCommand('migrate', { DATA_DIR: here.dataDir, MONGODB_URI: uriOf('moved') }).ended;
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(again.stdout).toMatch(/Copied 0 documents, replaced 0, deleted 0/);
    expect(await contentsOf(there.client)).toEqual(expected);
    here = await startSide('here');
  });

  test('refuses a target with documents of others, and changes nothing there', async () => {
    await things(here).insertMany(numbered(3));
    await things(there).insertOne({ _id: 1, text: 'another' });
    await there.client.db('recoup').collection<{ _id: number }>('theirs').insertOne({ _id: 1 });
    const before = await contentsOf(there.client);
    const refused = await migrate().ended;
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^migrate: The target has documents that do not come from this database, in recoup\.(things, recoup\.theirs|theirs, recoup\.things)\. [^\n]*\n$/,
    );
    expect(await contentsOf(there.client)).toEqual(before);
    // Another database of the same server is none of our business.
    expect(await migrate(uriOf('empty')).ended).toMatchObject({ code: 0, stderr: '' });
    expect(await contentsOf(there.client)).toMatchObject(before);
  });

  test('goes on after it was killed, without copying anything twice', async () => {
    await things(here).insertMany(numbered(6_000));
    await interrupt();
    const { code, stdout } = await migrate().ended;
    expect(code).toBe(0);
    expect(stdout).toContain(
      'Copied 5,000 documents, replaced 0, deleted 0; the rest were already up to date.',
    );
    expect(await contentsOf(there.client)).toEqual(await contentsOf(here.client));
  });

  test('mends what differs since an interruption, on either side, but nothing once it was complete', async () => {
    await things(here).insertMany(numbered(6_000));
    await interrupt();
    await things(here).deleteOne({ _id: 0 });
    await things(here).updateOne({ _id: 1 }, { $set: { text: 'changed' } });
    await things(there).insertOne({ _id: -1, text: 'besides' });
    const { code, stdout } = await migrate().ended;
    expect(code).toBe(0);
    expect(stdout).toContain(
      'Copied 5,000 documents, replaced 1, deleted 2; the rest were already up to date.',
    );
    expect(await contentsOf(there.client)).toEqual(await contentsOf(here.client));

    await things(there).updateOne({ _id: 1 }, { $set: { text: 'of the service, on the server' } });
    const after = await contentsOf(there.client);
    const late = await migrate().ended;
    expect(late.code).toBe(1);
    expect(late.stderr).toContain('in recoup.things.');
    expect(await contentsOf(there.client)).toEqual(after);
  });

  test('says so where the database is written to meanwhile, and completes when that has stopped', async () => {
    await things(here).insertMany(numbered(1_000));
    const child = migrate();
    let next = 1_000;
    while (child.isRunning()) await things(here).insertOne({ _id: next++, text: '' });
    const { code, stderr } = await child.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^migrate: (The copy differs from the source: recoup\.things has \d+ missing, 0 different, 0 extra documents|The database changed while it was compared).*Stop the service.*repeat the command.*\n$/,
    );
    expect(await migrate().ended).toMatchObject({ code: 0, stderr: '' });
    expect(await contentsOf(there.client)).toEqual(await contentsOf(here.client));
  });

  test('advises to drop an index that differs on the server', async () => {
    const named = { name: 'by_text' };
    await things(here).createIndex({ text: 1 }, named);
    await things(there).createIndex({ text: -1 }, named);
    const proxy = await startProxy(uriOf());
    // Some servers report success although their index differs.
    proxy.answerInstead('createIndexes', { ok: 1 });
    const { code, stderr } = await migrate(proxy.uri).ended;
    await proxy.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^migrate: The copy differs from the source: the index by_text of recoup\.things has another key or other options there\. Drop the index there\b[^\n]*\n$/,
    );
    await things(there).dropIndex('by_text');
    expect(await migrate().ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('says in a line what it cannot do, and never the password', async () => {
    await things(here).insertMany(numbered(1));
    const results = [
      await migrate('mongodb://user:hunter2@127.0.0.1:9/recoup?serverSelectionTimeoutMS=2000').ended,
      await migrate('mongodb://user:hun/ter2@127.0.0.1:9/recoup').ended,
      await migrate('mongodb://user:hunter2@127.0.0.1:9/recoup?w=hunter2x&maxPoolSize=none').ended,
      await migrate('postgres://user:hunter2@localhost').ended,
      await runCommand('migrate', { DATA_DIR: here.dataDir }).ended,
      await migrate(uriOf(), { DATA_DIR: join(folder, 'none') }).ended,
    ];
    for (const { code, stdout, stderr } of results) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^migrate: /);
      expect(stderr).not.toMatch(/ {4}at |hunter2|ter2/);
    }
    expect(results.map(({ stderr }) => stderr.trimEnd().split('\n').length)).toEqual([1, 2, 1, 2, 1, 1]);
    expect(results[0]?.stderr).toContain('ECONNREFUSED');
    expect(results[4]?.stderr).toContain('Pass --to URI');
    expect(results[5]?.stderr).toContain('There is no embedded database in');
  });

  test('refuses to copy a database that is not in the folder, and names those that are', async () => {
    await fillWithEverything(here.client);
    for (const uri of [uriOf(), uriOf('moved')]) {
      const { code, stdout, stderr } = await migrate(uri, { MONGODB_DATABASE: 'prod' }).ended;
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(
        /^migrate: There is no database "prod" in [^\n]*\. Databases there: recoup, other\. [^\n]*\n$/,
      );
    }
    expect(await contentsOf(there.client)).toEqual({});
  });

  test('refuses to copy a folder without databases', async () => {
    const { code, stdout, stderr } = await migrate().ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^migrate: There is no database "recoup" in [^\n]*\. Databases there: none\. /);
  });

  test('copies the database of MONGODB_DATABASE to one of the same name', async () => {
    await here.client.db('prod').collection<{ _id: number }>('things').insertOne({ _id: 1 });
    const { code, stderr } = await migrate(uriOf('moved'), { MONGODB_DATABASE: 'prod' }).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await contentsOf(there.client)).toEqual(await contentsOf(here.client));
  });

  test('compares in both directions', async () => {
    await things(here).insertMany(numbered(2_000));
    expect(await migrate().ended).toMatchObject({ code: 0 });
    const snapshot = await StoreSnapshot.open(here.dataDir);
    const verify = () => verifyDocuments(snapshot, new MigrationTarget(there.client, new Map()), () => {});
    expect(await verify()).toMatchObject({ documents: 2_000 });
    await things(there).insertOne({ _id: 2_000, text: 'besides' });
    await expect(verify()).rejects.toThrow('recoup.things has 0 missing, 0 different, 1 extra documents.');
    await things(there).deleteOne({ _id: 1_999 });
    await expect(verify()).rejects.toThrow(
      'recoup.things has 1 missing, 0 different, 1 extra documents (the first has the _id 1999).',
    );
    // Equal in value, but of another type.
    await things(there).updateOne({ _id: 7 }, { $set: { text: new BSONSymbol('x'.repeat(500)) } });
    await expect(verify()).rejects.toThrow(
      'recoup.things has 1 missing, 1 different, 1 extra documents (the first has the _id 7).',
    );
    await snapshot.close();
  });
});

test('a password is hidden in every form, and nothing else is', () => {
  const uri = 'mongodb://user:p%40ss/w:rd@host/name';
  expect(withoutCredentials('p%40ss/w:rd and p@ss on host', uri)).toBe('*** and *** on host');
  expect(withoutCredentials('connect ECONNREFUSED', 'mongodb://user@host')).toBe('connect ECONNREFUSED');
  expect(withoutCredentials('connect ECONNREFUSED', 'mongodb://host')).toBe('connect ECONNREFUSED');
});
