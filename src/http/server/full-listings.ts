import type { RequestHandler, Response } from 'express';
import { ApiError } from '../../lib/errors.ts';
import type { Limits } from '../../config/limits.ts';
import { operationOf } from '../request/routes.ts';

type Bounds = Pick<Limits, 'maxFullListings' | 'queueTimeoutMs' | 'stalledReaderMs'>;

/** How often those that are read are looked at while others wait. */
const LOOK_EVERY_MS = 250;

/** Whether nobody waits for a reply any more: the client has left, or it was answered that it took too long. */
const isOver = (response: Response): boolean => response.destroyed || response.writableEnded;

/** The listings that are being read, and those that wait for their turn. */
class Turns {
  readonly #bounds: Bounds;
  /** When the reader of each last took something. */
  readonly #reading = new Map<Response, number>();
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** @returns whether its turn came in time. */
  async wait(response: Response): Promise<boolean> {
    if (isOver(response)) return false;
    if (this.#reading.size < this.#bounds.maxFullListings) {
      this.#begin(response);
      return true;
    }
    const { promise, settle } = this.#enqueue(response);
    const timer = setTimeout(() => settle(false), this.#bounds.queueTimeoutMs);
    response.once('close', () => settle(false));
    this.#timer ??= setInterval(() => this.#cutStalled(), LOOK_EVERY_MS).unref();
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
    const tookSomething = () => this.#reading.set(response, performance.now());
    tookSomething();
    response.on('drain', tookSomething);
    response.once('close', () => {
      this.#reading.delete(response);
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

  /** Whose reader stands still makes room: to have them all wait for him would let a few such readers stop all others. */
  #cutStalled(): void {
    const before = performance.now() - this.#bounds.stalledReaderMs;
    const stalled = [...this.#reading].filter(
      ([response, tookAt]) => response.writableNeedDrain && tookAt < before,
    );
    for (const [response] of stalled.slice(0, this.#waiting.size)) response.req.socket.resetAndDestroy();
  }
}

/** The error of a listing whose turn did not come in time. */
export function tooManyListings(): ApiError {
  return new ApiError(
    'too_busy',
    'Too many listings of everything are being read right now. Try again shortly, or read in pages, with "limit".',
    { headers: { 'Retry-After': '1' } },
  );
}

/** Bounds the listings without `limit` that are read at a time. Others queue in the order they came. */
export function fullListings(bounds: Bounds): RequestHandler {
  const turns = new Turns(bounds);
  return async (request, response, next) => {
    const { limit, id } = request.query;
    const isFull =
      operationOf(request.method, request.path) === 'listTasks' && limit === undefined && id === undefined;
    if (!isFull || (await turns.wait(response))) return next();
    if (!isOver(response)) next(tooManyListings());
  };
}
