import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Task } from '../../generated/types.gen.ts';
import { listen } from '../../src/http/server/listener.ts';
import type { Random } from './random.ts';

/** Work that continues after the receiver has answered the delivery with 202. A poll reports its end. */
export interface FollowedWork {
  endsAt: number;
  /** Times at which the service polled the work. */
  polls: number[];
  /** Whether a poll has reported the end of the work. */
  isReported: boolean;
}

export interface Delivery {
  attempt: number;
  at: number;
  /** Set if the receiver answered the delivery with 202 and a Location. */
  work?: FollowedWork;
}

/**
 * Maximum duration of three quarters of the jobs. The others take up to LONG_MS, longer than any stall of a process.
 */
const SHORT_MS = 300;
const LONG_MS = 5_000;
/** Maximum duration of work that was answered with 202; longer than most faults. */
const FOLLOWED_MS = 10_000;
const FOLLOWED_SHARE = 0.3;
/** Share of polls that get a 503, while the work continues. */
const BUSY_SHARE = 0.1;

/**
 * The HTTP server at RUN_URL. It records each delivery of a run, and replies either with the result after a while or
 * at once with 202 and a location to poll.
 */
export class Receiver {
  /** The deliveries by run id, which the service sends as Idempotency-Key. */
  readonly deliveries = new Map<string, Delivery[]>();
  readonly #random: Random;
  readonly #server: Server;
  url = '';

  constructor(random: Random) {
    this.#random = random;
    this.#server = createServer(async (request, response) => {
      response.setHeader('Content-Type', 'application/json');
      if (request.method === 'GET') this.#poll(request, response);
      else await this.#deliver(request, response);
    });
  }

  async start(): Promise<void> {
    this.url = await listen(this.#server, 0, '127.0.0.1');
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #deliver(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const random = this.#random;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      // The service was killed before it had sent the whole request.
      return;
    }
    const { attempt }: { task: Task; attempt: number } = JSON.parse(Buffer.concat(chunks).toString());
    const runId = String(request.headers['idempotency-key']);
    const delivery: Delivery = { attempt, at: performance.now() };
    const known = [...(this.deliveries.get(runId) ?? []), delivery];
    this.deliveries.set(runId, known);
    if (random.chance(FOLLOWED_SHARE)) {
      delivery.work = { endsAt: delivery.at + random.below(FOLLOWED_MS), polls: [], isReported: false };
      response.writeHead(202, { Location: `/jobs/${runId}/${known.length - 1}` });
      response.end();
      return;
    }
    await sleep(random.below(random.chance(0.25) ? LONG_MS : SHORT_MS));
    response.end(JSON.stringify({ done: runId }));
  }

  #poll({ url = '' }: IncomingMessage, response: ServerResponse): void {
    const [, , runId = '', at] = url.split('/');
    const work = this.deliveries.get(runId)?.[Number(at)]?.work;
    if (!work) {
      response.writeHead(404);
      response.end();
      return;
    }
    const now = performance.now();
    work.polls.push(now);
    if (this.#random.chance(BUSY_SHARE)) {
      response.writeHead(503);
      response.end();
      return;
    }
    work.isReported ||= now >= work.endsAt;
    const ended = { status: 'completed', output: { done: runId } };
    response.end(JSON.stringify(now >= work.endsAt ? ended : { status: 'running' }));
  }
}
