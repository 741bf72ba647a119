import type { EventLoopUtilization } from 'node:perf_hooks';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { failureKind, isDatabaseFailure } from '../../database/failures.ts';
import type { ApiError } from '../../lib/errors.ts';
import { eventLoopUse, wasBusySince } from '../../lib/event-loop.ts';
import { overloaded, tooLate } from './too-late.ts';

/** The remaining time of one request. It can be stopped and resumed. */
interface Clock {
  leftMs: number;
  /** When the clock was last started or resumed, by performance.now(). */
  startedAt: number;
  /** The event loop's utilization when the clock was last started or resumed. */
  begin: EventLoopUtilization;
  timer?: NodeJS.Timeout;
  /** Creates the error for a timeout in the queue where the request waits. Undefined if it waits in no queue. */
  queueError?: (() => ApiError) | undefined;
}

/**
 * Limits the time until the first byte of each reply. The error reply names what took the time: a queue, this process
 * or the database. Each database round trip has its own limit, but a request may need several round trips. After a
 * timeout the handler continues, and its result is dropped.
 */
export class Deadline {
  readonly #limitMs: number;
  readonly #answer: ErrorRequestHandler;
  readonly #clocks = new WeakMap<Response, Clock>();

  /**
   * @param limitMs - time limit of each request, in milliseconds
   * @param answer - sends an error reply
   */
  constructor(limitMs: number, answer: ErrorRequestHandler) {
    this.#limitMs = limitMs;
    this.#answer = answer;
  }

  readonly begin: RequestHandler = (request, response, next) => {
    this.#clocks.set(response, { leftMs: this.#limitMs, startedAt: 0, begin: eventLoopUse() });
    response.once('close', () => this.#stop(response));
    this.#run(request, response);
    next();
  };

  /** Stops the clock while `inner` runs, such as while it reads a body. `inner` must have time limits of its own. */
  except(inner: RequestHandler): RequestHandler {
    return (request, response, next) => {
      this.#stop(response);
      void inner(request, response, (error?: unknown) => {
        this.#run(request, response);
        next(error);
      });
    };
  }

  /** Runs `queue`. If the time runs out while the request waits there, the reply is the error of `queueError`. */
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

  /** Replaces a database timeout with service_overloaded if this process was too busy to read the answer in time. */
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
      // Pass an empty next(): the middleware that is still running will call the real one.
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
