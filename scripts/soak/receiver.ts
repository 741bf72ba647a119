import { type Server, createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Task } from '../../generated/types.gen.ts';
import { listen } from '../../src/http/server/listener.ts';
import type { Random } from './random.ts';

export interface Delivery {
  attempt: number;
  at: number;
}

/** Most jobs take up to this long; a few take longer than a process may stand still. */
const SHORT_MS = 300;
const LONG_MS = 5_000;

/** The receiver of RUN_URL: keeps the deliveries of each run, and completes the work after a while. */
export class Receiver {
  /** By the run's id, which is the Idempotency-Key. */
  readonly deliveries = new Map<string, Delivery[]>();
  readonly #server: Server;
  url = '';

  constructor(random: Random) {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of request) chunks.push(chunk);
      } catch {
        // The sender died before it had delivered the job.
        return;
      }
      const { attempt }: { task: Task; attempt: number } = JSON.parse(Buffer.concat(chunks).toString());
      const runId = String(request.headers['idempotency-key']);
      const known = this.deliveries.get(runId) ?? [];
      this.deliveries.set(runId, [...known, { attempt, at: performance.now() }]);
      await sleep(random.below(random.chance(0.25) ? LONG_MS : SHORT_MS));
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ done: runId }));
    });
  }

  async start(): Promise<void> {
    this.url = await listen(this.#server, 0, '127.0.0.1');
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
