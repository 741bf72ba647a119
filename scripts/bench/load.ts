import { type Socket, connect } from 'node:net';
import { type TitleChanges, changeTitles } from './changes.ts';
import { ReplyReader } from './reply-reader.ts';

/** One of the things that are asked for. */
export interface Target {
  path: string;
  /** What a right reply to it has; undefined where the caller looks at the sum. */
  bytes?: number;
}

/** What the load generator shall do. */
export interface Job {
  url: string;
  /** Drawn at random, always the same ones. */
  targets: Target[];
  headers: Record<string, string>;
  /** What a right reply has. */
  status: number;
  connections: number;
  /** How long new requests are made; those in flight are then waited for. */
  durationMs: number;
  /** Changes of a task's title meanwhile. */
  changes?: TitleChanges;
}

/** What came of it. Every reply was whole and right, or there is none of this. */
export interface LoadResult {
  requests: number;
  bytes: number;
  /** From the first request to the last reply: nothing is in flight before and after. */
  elapsedMs: number;
  p50Ms: number;
  p99Ms: number;
  /** Until the first byte of the first reply's body, or its whole head where it has none. */
  firstByteMs: number;
  /** Changes that were acknowledged. */
  changes: number;
  /** The load generator's own. */
  cpuMs: number;
}

const READ_BYTES = 65_536;
const TIMEOUT_MS = 120_000;

/** A reply is not what the bench expects, so that there is nothing to measure. */
export class WrongReply extends Error {
  constructor(path: string, problem: string) {
    super(`GET ${path}: ${problem}`);
    this.name = 'WrongReply';
  }
}

/** Numbers from 0 to `below` that look random and are the same in every run (a linear congruential generator). */
function drawer(below: number): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

interface Progress {
  result: LoadResult;
  latenciesMs: number[];
}

/** One keep-alive connection that asks again as soon as it has been answered. */
function ask(job: Job, next: () => Target | undefined, progress: Progress): Promise<void> {
  const { result, latenciesMs } = progress;
  const { hostname, port, host } = new URL(job.url);
  const head = Object.entries({ Host: host, ...job.headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const reader = new ReplyReader();
  let target: Target | undefined;
  let askedAt = 0;
  return new Promise((resolve, reject) => {
    const send = (socket: Socket) => {
      target = next();
      if (!target) {
        socket.end(resolve);
        return;
      }
      askedAt = performance.now();
      socket.write(`GET ${target.path} HTTP/1.1\r\n${head.join('')}\r\n`);
    };
    const take = (socket: Socket, bytes: Buffer) => {
      if (!target) throw new Error('A reply that nobody asked for.');
      const reply = reader.read(bytes);
      if (result.firstByteMs === 0 && (reply || reader.hasBody))
        result.firstByteMs = performance.now() - askedAt;
      if (!reply) return;
      if (reply.status !== job.status) throw new WrongReply(target.path, `status ${reply.status}`);
      if (target.bytes !== undefined && reply.bytes !== target.bytes) {
        throw new WrongReply(target.path, `${reply.bytes} bytes instead of ${target.bytes}`);
      }
      result.requests += 1;
      result.bytes += reply.bytes;
      latenciesMs.push(performance.now() - askedAt);
      send(socket);
    };
    const socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafe(READ_BYTES),
        callback(length, buffer) {
          try {
            take(socket, Buffer.from(buffer.buffer, buffer.byteOffset, length));
          } catch (error) {
            reject(error);
            socket.destroy();
          }
          return true;
        },
      },
    });
    socket.setTimeout(TIMEOUT_MS, () =>
      socket.destroy(new WrongReply(target?.path ?? '', 'no reply in time')),
    );
    socket.once('connect', () => send(socket));
    socket.once('error', reject);
    socket.once('close', () => {
      if (target) reject(new WrongReply(target.path, 'the connection was closed before the reply was whole'));
    });
  });
}

/**
 * Asks as fast as the replies come, over keep-alive connections.
 * @throws WrongReply where a reply is not whole or not what was expected
 */
export async function generateLoad(job: Job): Promise<LoadResult> {
  const draw = drawer(job.targets.length);
  const result: LoadResult = {
    requests: 0,
    bytes: 0,
    elapsedMs: 0,
    p50Ms: 0,
    p99Ms: 0,
    firstByteMs: 0,
    changes: 0,
    cpuMs: 0,
  };
  const latenciesMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  let asked = 0;
  const next = () => {
    // Each connection asks at least once, however short the time.
    const isOver = asked >= job.connections && performance.now() - startedAt >= job.durationMs;
    if (isOver) return undefined;
    asked += 1;
    return job.targets[draw()];
  };
  const stop = new AbortController();
  const changing = job.changes ? changeTitles(job.url, job.changes, stop.signal) : Promise.resolve(0);
  const asking = Promise.all(
    Array.from({ length: job.connections }, () => ask(job, next, { result, latenciesMs })),
  );
  try {
    await Promise.race([asking, changing.then(() => asking)]);
  } finally {
    stop.abort();
  }
  result.changes = await changing;
  result.elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  result.cpuMs = (user + system) / 1_000;
  latenciesMs.sort((one, other) => one - other);
  const percentile = (share: number) => latenciesMs[Math.ceil(latenciesMs.length * share) - 1] ?? Number.NaN;
  return { ...result, p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}
