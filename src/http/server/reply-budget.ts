import type { Request, RequestHandler, Response } from 'express';
import type { Limits } from '../../config/limits.ts';
import type { ByteBudget } from '../../lib/byte-budget.ts';
import { ApiError } from '../../lib/errors.ts';
import { retrySoon } from '../../lib/retry-after.ts';
import { keyOf } from '../security/credentials.ts';
import { noteActive, stalledMs } from './readers.ts';

type Bounds = Pick<Limits, 'queueTimeoutMs' | 'stalledReaderMs'>;

/**
 * Number of bytes counted for an admitted request until its reply is built: a batch of tasks as documents and as text.
 */
const REQUEST_BYTES = 2_097_152;

/** Interval of the checks for stalled clients while requests wait. */
const CHECK_EVERY_MS = 250;

/**
 * How long a client may leave its reply unread while requests with other API keys are waiting. Applies only if the
 * client's key accounts for more than half of the admitted requests.
 */
const GREEDY_MS = 1_000;

interface Waiting {
  key: string | undefined;
  /** Ends the wait, by admitting or by refusing the request. */
  leave: (isAdmitted: boolean) => void;
}

/** Whether a request needs no more work: its client has disconnected, or the deadline has replied. */
const isOver = (response: Response): boolean => response.destroyed || response.writableEnded;

/** Returns the error for a request that waited too long for its share of the reply budget. */
export function tooManyReplies(): ApiError {
  return new ApiError(
    'too_busy',
    'Too many replies are waiting for slow clients. Try again shortly, or request smaller pages with "limit".',
    { headers: retrySoon() },
  );
}

/**
 * Limits the total memory of replies that are being built or sent. A request is admitted while any of the budget is
 * left, so that even a reply larger than the budget can be sent. Other requests wait. A request whose key has the
 * fewest admitted requests is admitted first.
 */
export class ReplyBudget {
  readonly #bytes: ByteBudget;
  readonly #bounds: Bounds;
  readonly #waiting = new Map<Response, Waiting>();
  /** The admitted requests whose reply has not ended, by response, with the id of the request's API key. */
  readonly #admitted = new Map<Response, string | undefined>();
  /** The admitted requests whose reply is not built yet. REQUEST_BYTES are counted for each. */
  readonly #loading = new Set<Response>();
  /** For each built reply, the functions that release the bytes it holds. */
  readonly #releases = new Map<Response, (() => void)[]>();
  #timer: NodeJS.Timeout | undefined;
  #isWoken = false;

  constructor(bytes: ByteBudget, bounds: Bounds) {
    this.#bytes = bytes;
    this.#bounds = bounds;
    bytes.onRelease = () => this.#wake();
  }

  /** Admits a request at once, or after other replies have released bytes. Refuses it after `queueTimeoutMs`. */
  readonly admit: RequestHandler = async (request, response, next) => {
    // Health checks never wait.
    if (!request.path.startsWith('/api/')) return next();
    const isAdmitted = isOver(response) ? false : await this.#enter(request, response);
    if (isAdmitted) next();
    else if (!isOver(response)) next(tooManyReplies());
  };

  /**
   * Counts the bytes that a built reply holds, instead of the estimate that was counted for its request.
   * @param own - number of bytes that no other reply shares
   * @param shared - an object that other replies may share, and its size; counted once for all of them
   */
  holds(response: Response, own: number, shared?: [object: object, bytes: number]): void {
    if (!this.#admitted.has(response)) return;
    noteActive(response);
    this.#release(response);
    const held: [object, number][] = [[response, own], ...(shared ? [shared] : [])];
    this.#releases.set(
      response,
      held.map(([object, bytes]) => this.#bytes.hold(object, bytes)),
    );
  }

  /**
   * Counts the bytes of a reply to an MCP request. That request does not wait to be admitted, because its reply
   * consists of replies to admitted requests. Like any other, it is aborted if its client stalls.
   */
  adopt(response: Response, bytes: number): void {
    if (response.destroyed) return;
    if (!this.#admitted.has(response)) this.#begin(response, keyOf(response.req)?._id);
    this.holds(response, bytes);
  }

  #hasRoom(): boolean {
    return this.#bytes.held + this.#loading.size * REQUEST_BYTES < this.#bytes.limit;
  }

  #countOf(key: string | undefined): number {
    return [...this.#admitted.values()].filter((other) => other === key).length;
  }

  #begin(response: Response, key: string | undefined): void {
    this.#admitted.set(response, key);
    this.#loading.add(response);
    response.once('close', () => {
      this.#admitted.delete(response);
      this.#release(response);
    });
  }

  #release(response: Response): void {
    if (this.#loading.delete(response)) this.#wake();
    for (const release of this.#releases.get(response) ?? []) release();
    this.#releases.delete(response);
  }

  #enter(request: Request, response: Response): boolean | Promise<boolean> {
    const key = keyOf(request)?._id;
    if (this.#waiting.size === 0 && this.#hasRoom()) {
      this.#begin(response, key);
      return true;
    }
    this.#timer ??= setInterval(() => this.#abortStalled(), CHECK_EVERY_MS).unref();
    return new Promise((resolve) => {
      const leave = (isAdmitted: boolean) => {
        clearTimeout(timer);
        response.off('close', giveUp);
        this.#waiting.delete(response);
        if (isAdmitted) this.#begin(response, key);
        resolve(isAdmitted);
      };
      const giveUp = () => leave(false);
      const timer = setTimeout(giveUp, this.#bounds.queueTimeoutMs);
      response.once('close', giveUp);
      this.#waiting.set(response, { key, leave });
    });
  }

  /**
   * Admits waiting requests after this turn of the event loop, because code that has just released bytes may hold them
   * again in the same turn.
   */
  #wake(): void {
    if (this.#isWoken || this.#waiting.size === 0) return;
    this.#isWoken = true;
    setImmediate(() => {
      this.#isWoken = false;
      this.#admitNext();
    });
  }

  #admitNext(): void {
    while (this.#waiting.size > 0 && this.#hasRoom()) {
      const keys = new Set([...this.#waiting.values()].map(({ key }) => key));
      const counts = new Map([...keys].map((key) => [key, this.#countOf(key)]));
      const fewest = Math.min(...counts.values());
      for (const [response, { key, leave }] of this.#waiting) {
        if (counts.get(key) !== fewest) continue;
        leave(!isOver(response));
        break;
      }
    }
  }

  /**
   * Aborts the requests whose clients have stalled longest, one per waiting request. Otherwise a few stalled
   * clients would block all others.
   */
  #abortStalled(): void {
    if (this.#waiting.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const patienceMs = (key: string | undefined) => {
      const othersWait = [...this.#waiting.values()].some((waiting) => waiting.key !== key);
      const isGreedy = othersWait && this.#countOf(key) > this.#admitted.size / 2;
      return isGreedy ? GREEDY_MS : this.#bounds.stalledReaderMs;
    };
    const patience = new Map([...this.#admitted.values()].map((key) => [key, patienceMs(key)]));
    const stalled = [...this.#admitted]
      .map(([response, key]) => ({ response, key, ms: stalledMs(response) }))
      .filter(({ key, ms }) => ms >= (patience.get(key) ?? 0))
      .toSorted((one, other) => other.ms - one.ms);
    for (const { response } of stalled.slice(0, this.#waiting.size)) response.req.socket.resetAndDestroy();
  }
}
