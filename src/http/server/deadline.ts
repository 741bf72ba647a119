import type { EventLoopUtilization } from 'node:perf_hooks';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { failureKind, isDatabaseFailure } from '../../database/failures.ts';
import type { ApiError } from '../../lib/errors.ts';
import { eventLoopUse, wasBusySince } from '../../lib/event-loop.ts';
import { overloaded, tooLate } from './too-late.ts';

interface Clock {
  leftMs: number;
  startedAt: number;
  /** The event loop's use when the clock was started. */
  begin: EventLoopUtilization;
  timer?: NodeJS.Timeout;
  /** Makes the error of the queue that the request waits in. */
  queueError?: (() => ApiError) | undefined;
}

/**
 * Bounds the time to the first byte of each reply, and names what took it: a queue, the process's own work, or the database.
 * Each round trip to the database has its own bound, but a request may need several. A handler whose request has been
 * answered continues, and its result is dropped.
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

  /** Starts the clock of a request. */
  readonly begin: RequestHandler = (request, response, next) => {
    this.#clocks.set(response, { leftMs: this.#limitMs, startedAt: 0, begin: eventLoopUse() });
    response.once('close', () => this.#stop(response));
    this.#run(request, response);
    next();
  };

  /** Stops the clock while `inner` runs: the client decides how fast a body comes, and other limits bound that. */
  except(inner: RequestHandler): RequestHandler {
    return (request, response, next) => {
      this.#stop(response);
      void inner(request, response, (error?: unknown) => {
        this.#run(request, response);
        next(error);
      });
    };
  }

  /** Answers a request whose time ends while it waits in `queue` with the queue's own error. */
  inQueue(queue: RequestHandler, queueError: () => ApiError): RequestHandler {
    return (request, response, next) => {
      const clock = this.#clocks.get(response);
      if (clock) clock.queueError = queueError;
      void queue(request, response, (error?: unknown) => {
        if (clock) clock.queueError = undefined;
        next(error);
      });
    };
  }

  /** Replaces the driver's error for an answer that it read too late because this process was busy. */
  readonly blame: ErrorRequestHandler = (error, _request, response, next) => {
    const clock = this.#clocks.get(response);
    const isLate = isDatabaseFailure(error) && failureKind(error) === 'slow';
    next(clock && isLate && wasBusySince(clock.begin) ? overloaded(this.#limitMs) : error);
  };

  #run(request: Request, response: Response): void {
    const clock = this.#clocks.get(response);
    if (!clock || response.destroyed) return;
    clock.startedAt = performance.now();
    clock.begin = eventLoopUse();
    clock.timer = setTimeout(() => {
      if (response.headersSent) return;
      const error = clock.queueError?.() ?? tooLate(this.#limitMs, clock.begin);
      // Not by next(): what runs now will come back to it when it ends.
      void this.#answer(error, request, response, () => undefined);
    }, clock.leftMs);
  }

  #stop(response: Response): void {
    const clock = this.#clocks.get(response);
    if (!clock) return;
    clearTimeout(clock.timer);
    clock.leftMs -= performance.now() - clock.startedAt;
  }
}
