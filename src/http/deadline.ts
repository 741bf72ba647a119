import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { DatabaseTooSlow } from '../database/failures.ts';

interface Clock {
  leftMs: number;
  startedAt: number;
  timer?: NodeJS.Timeout;
}

/**
 * Bounds the time to the first byte of each reply. Each round trip to the database has a bound of its own, but a request
 * may need several. What a handler still does when its request has been answered for, it does in vain.
 */
export class Deadline {
  readonly #limitMs: number;
  readonly #answer: ErrorRequestHandler;
  readonly #clocks = new WeakMap<Response, Clock>();

  /** @param answer - answers a request with an error */
  constructor(limitMs: number, answer: ErrorRequestHandler) {
    this.#limitMs = limitMs;
    this.#answer = answer;
  }

  /** From here on, the time of a request counts. */
  readonly begin: RequestHandler = (request, response, next) => {
    this.#clocks.set(response, { leftMs: this.#limitMs, startedAt: 0 });
    response.once('close', () => this.#stop(response));
    this.#run(request, response);
    next();
  };

  /** Not while this runs: how fast a body comes is for the caller to say, and bounded elsewhere. */
  except(inner: RequestHandler): RequestHandler {
    return (request, response, next) => {
      this.#stop(response);
      void inner(request, response, (error?: unknown) => {
        this.#run(request, response);
        next(error);
      });
    };
  }

  #run(request: Request, response: Response): void {
    const clock = this.#clocks.get(response);
    if (!clock || response.destroyed) return;
    clock.startedAt = performance.now();
    clock.timer = setTimeout(() => {
      if (response.headersSent) return;
      // Not by next(): what runs now will come back to it when it ends.
      void this.#answer(new DatabaseTooSlow(this.#limitMs), request, response, () => undefined);
    }, clock.leftMs);
  }

  #stop(response: Response): void {
    const clock = this.#clocks.get(response);
    if (!clock) return;
    clearTimeout(clock.timer);
    clock.leftMs -= performance.now() - clock.startedAt;
  }
}
