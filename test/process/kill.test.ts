/**
 * kill -9 in the middle of a thousand mixed writes of eight clients: what was acknowledged is there afterwards, what was not
 * is there whole or not at all, and to repeat a creation with its key makes no second task.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { randomFrom } from '../../scripts/soak/random.ts';
import { openDatabase } from '../../src/store/open-store.ts';
import { repair } from '../../src/store/repair.ts';
import { RunStore } from '../../src/store/run-store.ts';
import { ACCOUNT, ARTIST, run } from '../support/builders.ts';
import { checkedFetch } from '../support/contract.ts';
import { killAll, runService } from '../support/process.ts';
import { listenOn } from '../support/service.ts';
import { countOf } from '../support/count.ts';

const CLIENTS = 8;
const WRITES = 1_000;
const KILLS = 5;
const RECENT_RUNS = 5;
const SEED = Number(process.env.PROPERTY_SEED ?? 20_261_124);

/** What a client knows of a task that it made. */
interface Known {
  id: string;
  /** Titles that it may have: one, and another where a change was not answered. */
  titles: Set<string>;
  /** Runs by id: what must be there at least. */
  runs: Map<string, string>;
  deleted: 'no' | 'perhaps' | 'yes';
}

interface Creation {
  key: string;
  body: Record<string, unknown>;
}

async function send(url: string, method: string, path: string, body: object, headers = {}) {
  const response = await checkedFetch(`${url}${path}`, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, reply: await response.json() };
}

const create = (url: string, { key, body }: Creation) =>
  send(url, 'POST', '/api/tasks', body, { 'Idempotency-Key': key });

/** A program that writes one thing after the other, and remembers what it was told. */
class Writer {
  readonly tasks: Known[] = [];
  /** Creations that were not answered. */
  readonly unanswered: Creation[] = [];
  readonly #name: string;
  readonly #random: () => number;
  /** The first writer only creates, so that each kill finds a creation that is not answered. */
  readonly #onlyCreates: boolean;
  #count = 0;

  constructor(number: number) {
    this.#name = `w${number}`;
    this.#random = randomFrom(SEED + number);
    this.#onlyCreates = number === 0;
  }

  /** Writes until the service is gone. */
  async write(url: string, onAnswer: () => void, isGone: () => boolean): Promise<void> {
    for (;;) {
      try {
        await this.#step(url);
      } catch (error) {
        // fetch's, which is not of the same realm as jest's.
        if (Object(error).name === 'TypeError' && isGone()) return;
        throw error;
      }
      onAnswer();
    }
  }

  async #step(url: string): Promise<void> {
    const choice = this.#random();
    const alive = this.tasks.filter(({ deleted }) => deleted === 'no');
    const task = alive[Math.floor(this.#random() * alive.length)];
    this.#count += 1;
    if (!task || this.#onlyCreates || choice < 0.2) await this.#create(url);
    else if (choice < 0.4) await this.#rename(url, task);
    else if (choice < 0.95) await this.#record(url, task);
    else await this.#delete(url, task);
  }

  async #create(url: string): Promise<void> {
    const key = `${this.#name}-${this.#count}`;
    const body = {
      title: key,
      prompt: key,
      schedule: '0 9 * * 4',
      account_id: ACCOUNT,
      artist_account_id: ARTIST,
    };
    const creation = { key, body };
    this.unanswered.push(creation);
    const { status, reply } = await create(url, creation);
    expect(status).toBe(200);
    this.unanswered.pop();
    this.tasks.push({ id: reply.tasks[0].id, titles: new Set([key]), runs: new Map(), deleted: 'no' });
  }

  async #rename(url: string, task: Known): Promise<void> {
    const title = `${this.#name} renamed ${this.#count}`;
    task.titles.add(title);
    const { status } = await send(url, 'PATCH', '/api/tasks', { id: task.id, title });
    expect(status).toBe(200);
    task.titles = new Set([title]);
  }

  async #record(url: string, task: Known): Promise<void> {
    const runs = Array.from({ length: 1 + Math.floor(this.#random() * 3) }, (_, at) => {
      const minute = Math.floor(this.#random() * 10_000);
      const instant = new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
      const id = `${this.#name}_${this.#count}_${at}`;
      return { id, status: 'COMPLETED', taskIdentifier: 't', createdAt: instant, updatedAt: instant };
    });
    const { status } = await send(url, 'PUT', '/api/tasks/runs', { task_id: task.id, runs });
    expect(status).toBe(200);
    for (const { id, createdAt } of runs) task.runs.set(id, createdAt);
  }

  async #delete(url: string, task: Known): Promise<void> {
    task.deleted = 'perhaps';
    const { status } = await send(url, 'DELETE', '/api/tasks', { id: task.id });
    expect(status).toBe(200);
    task.deleted = 'yes';
  }
}

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'recoup-kill-'));
});
afterAll(async () => {
  killAll();
  await rm(dataDir, { recursive: true });
});

/** Starts the service, has all write at once, and kills it when it has answered so many. */
async function writeAndKill(writers: Writer[], writes: number): Promise<number> {
  const service = await runService({ DATA_DIR: dataDir, SAMPLE_DATA: 'off', LOG_LEVEL: 'info' });
  let answered = 0;
  const onAnswer = () => {
    answered += 1;
    if (answered === writes) service.kill('SIGKILL');
  };
  await Promise.all(writers.map((writer) => writer.write(service.url, onAnswer, () => answered >= writes)));
  await service.ended;
  return answered;
}

test(`after ${KILLS} kills in ${WRITES} writes of ${CLIENTS} clients, all that was acknowledged is there, once`, async () => {
  const writers = Array.from({ length: CLIENTS }, (_, number) => new Writer(number));
  const random = randomFrom(SEED);
  let answered = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    const share = WRITES / KILLS;
    const due = kill === KILLS ? WRITES - answered : share * (kill - 0.5 + random()) - answered;
    answered += await writeAndKill(writers, Math.max(1, Math.ceil(due)));
  }
  expect(answered).toBeGreaterThanOrEqual(WRITES);

  const log = pino({ level: 'silent' });
  const database = await openDatabase({ uri: undefined, name: 'recoup', dataDir }, log);
  const { tasks, runs } = database.collections;
  const listener = await listenOn(database.collections, () => new Date());
  try {
    // Repeated, each creation makes its task, or shows the one that it made before it was killed.
    const creations = writers.flatMap(({ unanswered }) => unanswered);
    expect(creations.length).toBeGreaterThanOrEqual(KILLS);
    for (const creation of creations) {
      const first = await create(listener.url, creation);
      expect(first.status).toBe(200);
      expect((await create(listener.url, creation)).reply).toEqual(first.reply);
      expect(await countOf(tasks, { prompt: creation.key })).toBe(1);
    }

    const known = writers.flatMap((writer) => writer.tasks);
    for (const task of known) {
      const stored = await tasks.findOne({ _id: task.id });
      if (task.deleted !== 'perhaps')
        expect([task.id, stored === null]).toEqual([task.id, task.deleted === 'yes']);
      if (stored) expect(task.titles).toContain(stored.title);
      const history = await runs.find({ task_id: task.id }).toArray();
      for (const [id, createdAt] of task.runs) {
        expect(history.find(({ _id }) => _id === id)?.createdAt.toISOString()).toBe(createdAt);
      }
    }
    expect(await countOf(tasks)).toBe(
      new Set((await tasks.find().toArray()).map(({ prompt }) => prompt)).size,
    );

    // What a kill left behind is repaired by the next report of a task, and of all others by a repair.
    const present = await tasks.find({}, { sort: { _id: 1 } }).toArray();
    const reported = present.filter((_, at) => at % 2 === 0).map(({ _id }) => _id);
    const store = new RunStore(database.collections);
    for (const id of reported) await store.recordRuns(id, [run(1, { id: `last_${id}` })]);
    const isRight = async (id: string) => {
      const last = await runs
        .find({ task_id: id }, { sort: { createdAt: -1, _id: -1 }, limit: RECENT_RUNS })
        .toArray();
      const stored = await tasks.findOne({ _id: id });
      expect(stored?.recent_runs).toEqual(last.map(({ _id, createdAt }) => ({ id: _id, createdAt })));
      expect(last.every(({ account_id }) => account_id === stored?.account_id)).toBe(true);
    };
    for (const id of reported) await isRight(id);
    await repair(database.collections);
    for (const { _id } of present) await isRight(_id);
  } finally {
    await listener.close();
    await database.close();
  }
}, 300_000);
