import type { RequestHandler, Response } from 'express';
import { ApiError } from '../../lib/errors.ts';
import { retrySoon } from '../../lib/retry-after.ts';
import type { Limits } from '../../config/limits.ts';
import { operationOf } from '../request/routes.ts';

type Bounds = Pick<Limits, 'maxFullListings' | 'queueTimeoutMs' | 'stalledReaderMs'>;

/** Interval of the check for stalled readers while others wait. */
const CHECK_EVERY_MS = 250;

/** Whether the reply is no longer wanted: the client has left, or the deadline has answered it. */
const isOver = (response: Response): boolean => response.destroyed || response.writableEnded;

/** The running full listings and the queue for them. */
class ListingQueue {
  readonly #bounds: Bounds;
  /** For each running listing, when its client last read something. */
  readonly #running = new Map<Response, number>();
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** @returns whether the listing may start; false if it waited too long or its client left */
  async wait(response: Response): Promise<boolean> {
    if (isOver(response)) return false;
    if (this.#running.size < this.#bounds.maxFullListings) {
      this.#begin(response);
      return true;
    }
    const { promise, settle } = this.#enqueue(response);
    const timer = setTimeout(() => settle(false), this.#bounds.queueTimeoutMs);
    response.once('close', () => settle(false));
    this.#timer ??= setInterval(() => this.#abortStalled(), CHECK_EVERY_MS).unref();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #enqueue(response: Response) {
    let settle: (came: boolean) => void = () => undefined;
    const promise = new Promise<boolean>((resolve) => {
      const start = () => settle(true);
      settle = (came) => {
        if (!this.#waiting.delete(start)) return;
        const begins = came && !isOver(response);
        if (begins) this.#begin(response);
        resolve(begins);
      };
      this.#waiting.add(start);
    });
    return { promise, settle: (came: boolean) => settle(came) };
  }

  #begin(response: Response): void {
    const noteRead = () => this.#running.set(response, performance.now());
    noteRead();
    response.on('drain', noteRead);
    response.once('close', () => {
      this.#running.delete(response);
      this.#next();
    });
  }

  #next(): void {
    const [start] = this.#waiting;
    start?.();
    if (this.#waiting.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Aborts listings whose client has stopped reading: otherwise a few stalled clients block everyone. */
  #abortStalled(): void {
    const before = performance.now() - this.#bounds.stalledReaderMs;
    const stalled = [...this.#running].filter(
      ([response, readAt]) => response.writableNeedDrain && readAt < before,
    );
    for (const [response] of stalled.slice(0, this.#waiting.size)) response.req.socket.resetAndDestroy();
  }
}

/** The error of a listing that waited too long. */
export function tooManyListings(): ApiError {
  return new ApiError(
    'too_busy',
    'Too many listings of everything are being read right now. Try again shortly, or read in pages, with "limit".',
    { headers: retrySoon() },
  );
}

/** Bounds concurrent listings without `limit`. Others queue, first come, first served. */
export function fullListings(bounds: Bounds): RequestHandler {
  const queue = new ListingQueue(bounds);
  return async (request, response, next) => {
    const { limit, id } = request.query;
    const isFull =
      operationOf(request.method, request.path) === 'listTasks' && limit === undefined && id === undefined;
    if (!isFull || (await queue.wait(response))) return next();
    if (!isOver(response)) next(tooManyListings());
  };
}
