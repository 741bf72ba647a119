import { type Socket, connect } from 'node:net';
import { ReplyReader } from './reply-reader.ts';

/** A request that a connection repeats, and the expected size of its reply. */
export interface Target {
  path: string;
  headers: Record<string, string>;
  /** Expected size of the reply's body; undefined to accept any. */
  bytes?: number;
}

export interface Job {
  url: string;
  /** The requests. Each connection repeats one of them; the connections take them in turn. */
  targets: Target[];
  /** Expected status of every reply. */
  status: number;
  connections: number;
  /** Time in which the generator sends new requests. The job then waits for those in flight. */
  durationMs: number;
}

/** The result of a job in which every reply was complete and correct. */
export interface LoadResult {
  requests: number;
  bytes: number;
  /** Time from the first request to the last reply. No requests are in flight before or after. */
  elapsedMs: number;
  p50Ms: number;
  p99Ms: number;
  /** Time to the first byte of the first reply's body; for a reply without a body, to the end of its head. */
  firstByteMs: number;
  /** CPU time of the load generator during the job. */
  cpuMs: number;
}

const READ_BYTES = 65_536;
const TIMEOUT_MS = 120_000;

/** Thrown if a reply is not as expected, because figures of wrong replies would mean nothing. */
export class WrongReply extends Error {
  constructor(path: string, problem: string) {
    super(`GET ${path}: ${problem}`);
    this.name = 'WrongReply';
  }
}

interface Progress {
  result: LoadResult;
  latenciesMs: number[];
  /** Returns whether there is time for another request, and if so, counts it as sent. */
  mayAsk: () => boolean;
}

/** Opens a keep-alive connection that repeats a request as soon as its reply is complete. */
function ask(job: Job, target: Target, { result, latenciesMs, mayAsk }: Progress): Promise<void> {
  const { hostname, port, host } = new URL(job.url);
  const head = Object.entries({ Host: host, ...target.headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const reader = new ReplyReader();
  const request = `GET ${target.path} HTTP/1.1\r\n${head.join('')}\r\n`;
  let isAsking = false;
  let askedAt = 0;
  return new Promise((resolve, reject) => {
    const send = (socket: Socket) => {
      isAsking = mayAsk();
      if (!isAsking) {
        socket.end(resolve);
        return;
      }
      askedAt = performance.now();
      socket.write(request);
    };
    const take = (socket: Socket, bytes: Buffer) => {
      if (!isAsking) throw new Error('The server sent data while no request was in flight.');
      const reply = reader.read(bytes);
      if (result.firstByteMs === 0 && (reply || reader.hasBody))
        result.firstByteMs = performance.now() - askedAt;
      if (!reply) return;
      if (reply.status !== job.status)
        throw new WrongReply(target.path, `expected status ${job.status}, got ${reply.status}`);
      if (target.bytes !== undefined && reply.bytes !== target.bytes) {
        throw new WrongReply(target.path, `expected ${target.bytes} bytes, got ${reply.bytes}`);
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
      socket.destroy(new WrongReply(target.path, `no data for ${TIMEOUT_MS} ms`)),
    );
    socket.once('connect', () => send(socket));
    socket.once('error', reject);
    socket.once('close', () => {
      if (isAsking)
        reject(new WrongReply(target.path, 'the connection was closed before the reply was complete'));
    });
  });
}

/**
 * Sends requests as fast as replies arrive, over keep-alive connections.
 * @throws WrongReply if a reply is incomplete or not as expected
 */
export async function generateLoad(job: Job): Promise<LoadResult> {
  const result: LoadResult = {
    requests: 0,
    bytes: 0,
    elapsedMs: 0,
    p50Ms: 0,
    p99Ms: 0,
    firstByteMs: 0,
    cpuMs: 0,
  };
  const latenciesMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  let asked = 0;
  const mayAsk = () => {
    // Each connection sends at least one request, however short the duration.
    const isOver = asked >= job.connections && performance.now() - startedAt >= job.durationMs;
    if (!isOver) asked += 1;
    return !isOver;
  };
  const connections = Array.from({ length: job.connections }, (_, at) => {
    const target = job.targets[at % job.targets.length];
    if (!target) throw new Error('Expected a job with at least one target, got none.');
    return ask(job, target, { result, latenciesMs, mayAsk });
  });
  await Promise.all(connections);
  result.elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  result.cpuMs = (user + system) / 1_000;
  latenciesMs.sort((one, other) => one - other);
  const percentile = (share: number) => latenciesMs[Math.ceil(latenciesMs.length * share) - 1] ?? Number.NaN;
  return { ...result, p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}
