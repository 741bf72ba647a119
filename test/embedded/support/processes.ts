import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import { killAll, track } from '../../support/process.ts';

export interface EngineProcess {
  readonly process: ChildProcess;
  readonly uri: string | undefined;
  /** The class name of the error that kept it from starting. */
  readonly error: string | undefined;
  readonly message: string | undefined;
}

const clients = new Set<MongoClient>();

/** A client of an engine in another process. It closes when the process ends, so that no command waits for a server. */
export async function connectTo(
  { process: child, uri = '' }: Pick<EngineProcess, 'process' | 'uri'>,
  options?: MongoClientOptions,
): Promise<MongoClient> {
  const client = new MongoClient(uri, options);
  clients.add(client);
  child.once('exit', () => void client.close());
  return client.connect();
}

/** Ends what a test left, also one that failed: jest would wait for it forever. */
export async function endAll(): Promise<void> {
  killAll();
  await Promise.all([...clients].map(async (client) => client.close()));
  clients.clear();
}

/** The compiled program of this folder; see global-setup.ts. */
const program = (name: string) => join(process.cwd(), 'dist', 'test', `${name}.js`);

/**
 * Starts an engine in a process of its own; resolves when it runs or has failed. `limitKb` bounds its files' size; lmdb
 * then prints a stack for every write that fails, so the test ignores stderr.
 */
export async function spawnEngine(dataDir: string, limitKb?: number): Promise<EngineProcess> {
  const args = [program('child'), dataDir];
  const [command, ...rest] =
    limitKb === undefined
      ? [process.execPath, ...args]
      : ['sh', '-c', `ulimit -f ${limitKb * 2} && exec "$0" "$@"`, process.execPath, ...args];
  const stderr = limitKb === undefined ? 'inherit' : 'ignore';
  const child = track(spawn(command, rest, { stdio: ['pipe', 'pipe', stderr] }));
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const report: { uri?: string; error?: string; message?: string } = JSON.parse(String(line));
  return { process: child, uri: report.uri, error: report.error, message: report.message };
}

/** Kills with SIGKILL and waits for the end. */
export async function killHard({ process: child }: EngineProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Ends a process by its stdin and waits; returns its exit code. */
export async function endGently({ process: child }: EngineProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const ended = once(child, 'exit');
  child.stdin?.end();
  await ended;
  return child.exitCode;
}

/** A process that starts engines on command, so that several can start in the same moment. */
export class Racer {
  readonly #process = track(
    spawn(process.execPath, [program('racer')], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  readonly #lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();

  static async start(): Promise<Racer> {
    const racer = new Racer();
    await racer.#answer();
    return racer;
  }

  /** Sends a directory to start on, or 'close'; resolves to the answer. */
  async tell(line: string): Promise<string> {
    this.#process.stdin.write(`${line}\n`);
    return this.#answer();
  }

  async end(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  async #answer(): Promise<string> {
    return String((await this.#lines.next()).value);
  }
}

/** An engine in a process that kills itself at a commit, and a client of it. */
export class Crasher {
  readonly #process: ChildProcess;
  readonly #client: MongoClient;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess, client: MongoClient, lines: AsyncIterator<string>) {
    this.#process = child;
    this.#client = client;
    this.#lines = lines;
    this.#ended = once(child, 'exit');
  }

  static async start(dataDir: string): Promise<Crasher> {
    const child = track(
      spawn(process.execPath, [program('crasher'), dataDir], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { uri }: { uri: string } = JSON.parse(String((await lines.next()).value));
    const client = await connectTo({ process: child, uri }, { retryWrites: false });
    return new Crasher(child, client, lines);
  }

  get database(): Db {
    return this.#client.db('test');
  }

  /** Sends a line and resolves when it is done; rejects if the process ends before. */
  async tell(line: string): Promise<void> {
    this.#process.stdin?.write(`${line}\n`);
    if ((await this.#lines.next()).done) throw new Error('the process ended');
  }

  async ended(): Promise<void> {
    await this.#ended;
  }

  async kill(): Promise<void> {
    await this.#client.close();
    this.#process.kill('SIGKILL');
    await this.#ended;
  }
}
