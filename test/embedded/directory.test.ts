import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { MongoClient } from 'mongodb';
import {
  DataDirectoryInUse,
  SocketPathTooLong,
  UnusableStore,
  findRunningEmbedded,
  startEmbedded,
} from '../../src/embedded/start.ts';
import { FORMAT_KEY, FORMAT_VERSION, Store } from '../../src/embedded/store.ts';
import { Racer, endAll, endGently, killHard, spawnEngine } from './support/processes.ts';

const workingDirectory = process.cwd();
let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'embedded-test-'));
});
afterEach(async () => {
  process.chdir(workingDirectory);
  await endAll();
  await rm(home, { recursive: true, force: true });
});

async function ping(uri: string): Promise<unknown> {
  const client = await new MongoClient(uri).connect();
  const reply = await client.db().command({ ping: 1 });
  await client.close();
  return reply;
}

describe('the data directory', () => {
  it('is made for its owner only, and tightened if it is there', async () => {
    const loose = join(home, 'loose');
    await mkdir(loose);
    await chmod(loose, 0o755);
    const server = await startEmbedded({ dataDir: loose });
    expect((await stat(loose)).mode & 0o777).toBe(0o700);
    expect((await stat(join(loose, 'db.sock'))).mode & 0o777).toBe(0o600);
    await server.close();
    await server.close();
    expect(await readdir(loose)).not.toContain('db.sock');
  });

  it('may have a path longer than sockets allow if it is short from the working directory', async () => {
    const dataDir = join(home, ...Array.from({ length: 8 }, () => 'a-long-directory-name'));
    await expect(startEmbedded({ dataDir })).rejects.toThrow(/too long for a socket.*DATA_DIR/);
    await expect(findRunningEmbedded(dataDir)).rejects.toThrow(SocketPathTooLong);
    process.chdir(dataDir);
    const server = await startEmbedded({ dataDir });
    expect(await readdir(dataDir)).toContain('db.sock');
    expect(await ping(server.uri)).toEqual({ ok: 1 });
    const found = await findRunningEmbedded(dataDir);
    expect(found && (await ping(found))).toEqual({ ok: 1 });
    await server.close();
    expect(await findRunningEmbedded(dataDir)).toBeUndefined();
  });

  it('is found by scripts while an engine runs on it', async () => {
    expect(await findRunningEmbedded(join(home, 'nowhere'))).toBeUndefined();
    const server = await startEmbedded({ dataDir: home });
    expect(await findRunningEmbedded(home)).toBe(server.uri);
    await server.close();
    expect(await findRunningEmbedded(home)).toBeUndefined();
  });
});

describe('a second engine', () => {
  it('is refused with the process that holds the directory', async () => {
    const server = await startEmbedded({ dataDir: home });
    const attempt = startEmbedded({ dataDir: home });
    await expect(attempt).rejects.toThrow(DataDirectoryInUse);
    await expect(attempt).rejects.toThrow(String(process.pid));
    expect(await ping(server.uri)).toEqual({ ok: 1 });
    await server.close();
    expect((await readdir(home)).filter((name) => name.endsWith('.sock'))).toEqual([]);
  });

  it('starts at once after the first was killed', async () => {
    const first = await spawnEngine(home);
    expect(first.uri).toBeDefined();
    await killHard(first);
    expect(await readdir(home)).toContain('db.sock');
    const server = await startEmbedded({ dataDir: home });
    expect(await ping(server.uri)).toEqual({ ok: 1 });
    await server.close();
  });

  it('takes the directory over from a socket that nobody listens on', async () => {
    const stale = createServer();
    await new Promise<void>((resolve) => {
      stale.listen(join(home, 'other.sock'), resolve);
    });
    await writeFile(join(home, 'db.sock'), 'not a socket');
    const server = await startEmbedded({ dataDir: home });
    expect(await ping(server.uri)).toEqual({ ok: 1 });
    await server.close();
    stale.close();
  });

  it('clears away the socket of one that was killed before it owned the directory', async () => {
    const killed = join(home, '0123456789ab.sock');
    const beingBorn = join(home, 'ba9876543210.sock');
    await writeFile(killed, '');
    await writeFile(beingBorn, '');
    await utimes(killed, new Date(0), new Date(0));
    const server = await startEmbedded({ dataDir: home });
    expect((await readdir(home)).filter((name) => name.endsWith('.sock'))).toEqual([
      'ba9876543210.sock',
      'db.sock',
    ]);
    await server.close();
  });

  it.each([
    ['withdraws before a candidate whose name sorts first', '000000000000.sock'],
    ['gives up on a candidate that hangs', 'ffffffffffff.sock'],
  ])('%s', async (_, name) => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      other.listen(join(home, name), resolve);
    });
    await expect(startEmbedded({ dataDir: home })).rejects.toThrow(DataDirectoryInUse);
    expect(await readdir(home)).toEqual([name]);
    other.close();
  });

  it('never runs beside the first, however they race in one process', async () => {
    for (let round = 0; round < 20; round++) {
      const starts = await Promise.allSettled(
        Array.from({ length: 4 }, async () => startEmbedded({ dataDir: home })),
      );
      const running = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
      const refused = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason] : []));
      expect(running).toHaveLength(1);
      expect(refused.every((reason) => reason instanceof DataDirectoryInUse)).toBe(true);
      await Promise.all(running.map(async (server) => server.close()));
    }
  });

  it('never runs beside the first, however processes race after a kill', async () => {
    for (let round = 0; round < 4; round++) {
      const starts = await Promise.all(Array.from({ length: 3 }, async () => spawnEngine(home)));
      const running = starts.filter(({ uri }) => uri !== undefined);
      expect(running).toHaveLength(1);
      expect(starts.flatMap(({ error }) => error ?? [])).toEqual([
        'DataDirectoryInUse',
        'DataDirectoryInUse',
      ]);
      await Promise.all(starts.map(killHard));
    }
  });

  it('never runs beside the first, however often processes start in the same moment', async () => {
    const racers = await Promise.all(Array.from({ length: 3 }, async () => Racer.start()));
    for (let round = 0; round < 100; round++) {
      const dataDir = join(home, `race${round}`);
      await mkdir(dataDir);
      const answers = await Promise.all(racers.map(async (racer) => racer.tell(dataDir)));
      expect(answers.toSorted()).toEqual(['DataDirectoryInUse', 'DataDirectoryInUse', 'started']);
      await Promise.all(racers.map(async (racer) => racer.tell('close')));
    }
    await Promise.all(racers.map(async (racer) => racer.end()));
  });

  it('ends cleanly when told to', async () => {
    const child = await spawnEngine(home);
    expect(await endGently(child)).toBe(0);
    expect(await readdir(home)).not.toContain('db.sock');
  });
});

describe('the store', () => {
  it('is refused with advice if a newer version wrote it', async () => {
    await (await startEmbedded({ dataDir: home })).close();
    const store = await Store.open(join(home, 'store'));
    await store.write(() => store.setFormat(99));
    await store.close();
    const attempt = startEmbedded({ dataDir: home });
    await expect(attempt).rejects.toThrow(UnusableStore);
    await expect(attempt).rejects.toThrow(/format 99, written by a newer version/);
    expect(await findRunningEmbedded(home)).toBeUndefined();
  });

  it('of an older format is taken and gets the new one, so that a program of before refuses it', async () => {
    await (await startEmbedded({ dataDir: home })).close();
    const path = join(home, 'store');
    const store = await Store.open(path);
    await store.write(() => store.setFormat(1));
    await store.close();
    await (await startEmbedded({ dataDir: home })).close();
    const root = open<Buffer, Buffer>({ path, noSubdir: false, keyEncoding: 'binary', maxDbs: 8 });
    const meta = root.openDB<Buffer, Buffer>({ name: 'meta', encoding: 'binary', keyEncoding: 'binary' });
    expect(meta.get(Buffer.from(FORMAT_KEY))?.toString()).toBe(`{"version":${FORMAT_VERSION}}`);
    expect(FORMAT_VERSION).toBeGreaterThan(1);
    await root.close();
  });

  it('is refused with advice if its file is damaged', async () => {
    await (await startEmbedded({ dataDir: home })).close();
    await writeFile(join(home, 'store', 'data.mdb'), Buffer.alloc(100_000, 7));
    const attempt = startEmbedded({ dataDir: home });
    await expect(attempt).rejects.toThrow(UnusableStore);
    await expect(attempt).rejects.toThrow(/Restore a backup/);
  });
});
