import type { EventLoopUtilization } from 'node:perf_hooks';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { failureKind, isDatabaseFailure } from '../../database/failures.ts';
import type { ApiError } from '../../lib/errors.ts';
import { eventLoopUse, wasBusySince } from '../../lib/event-loop.ts';
import { overloaded, tooLate } from './too-late.ts';

interface Clock {
  leftMs: number;
  startedAt: number;
  /** The event loop's utilization when the clock started. */
  begin: EventLoopUtilization;
  timer?: NodeJS.Timeout;
  /** Creates the error of the queue in which the request waits. */
  queueError?: (() => ApiError) | undefined;
}

/**
 * Bounds the time to the first byte of each reply, and reports what took it: a queue, the process's own work, or the
 * database. Each database round trip has its own limit, but a request may need several. After a timeout the handler
 * continues, and its result is dropped.
 */
export class Deadline {
  readonly #limitMs: number;
  readonly #answer: ErrorRequestHandler;
  readonly #clocks = new WeakMap<Response, Clock>();

  /** @param answer - sends an error reply */
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

  /** Stops the clock while `inner` runs. The client decides how fast it sends a body, and other limits bound that. */
  except(inner: RequestHandler): RequestHandler {
    return (request, response, next) => {
      this.#stop(response);
      void inner(request, response, (error?: unknown) => {
        this.#run(request, response);
        next(error);
      });
    };
  }

  /** Replies with the queue's own error if the time runs out while the request waits in `queue`. */
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

  /** Replaces a database timeout error if this process was too busy to read the answer in time. */
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
      // Do not call next(): the current middleware will call it when it ends.
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
