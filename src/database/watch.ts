import type { Logger } from 'pino';
import { eventLoopUse, wasBusySince } from '../lib/event-loop.ts';
import { DatabaseTooSlow, failureKind } from './failures.ts';

/** How long a probe's result is cached, so that any number of health checks adds no load. */
const PROBE_CACHE_MS = 1_000;
const PROBE_TIMEOUT_MS = 1_000;
/**
 * A probe that has no reply after this long counts as lost, and the next one is sent. A probe that is sent while the
 * driver is connecting may never get a reply.
 */
const PROBE_LOST_MS = 6_000;
/** Interval between probes during an outage. */
const PROBE_INTERVAL_MS = 1_000;
/** Minimum interval between log lines about the same problem. */
const LOG_INTERVAL_MS = 60_000;
/**
 * How long probes must succeed without a failure before an outage ends. During an outage, some operations may succeed
 * and others fail.
 */
const RECOVERY_MS = 5_000;

interface Outage {
  since: Date;
  timer: NodeJS.Timeout;
  recoveryMs: number;
  /** Start of the current period without failures. Undefined after a failure. */
  answersSince?: Date;
}

interface Dependencies {
  /** Runs a cheap command that needs the same permissions as requests. Rejects if the database does not answer. */
  probe: (maxTimeMs: number) => Promise<unknown>;
  log: Logger;
  now: () => Date;
}

/**
 * Monitors whether the database answers. Logs the start and end of an outage once instead of logging every failed
 * request.
 */
export class DatabaseWatch {
  readonly #probe: Dependencies['probe'];
  readonly #log: Logger;
  readonly #now: () => Date;
  #asking = false;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #answer: Promise<boolean> = Promise.resolve(true);
  #stopped = false;
  #outage: Outage | undefined;
  /**
   * Number of failures in the current outage. Includes slow operations between the last successful probe and the
   * outage, because they may be its first sign.
   */
  #failures = 0;
  #lastOutageEndedAtMs = Number.NEGATIVE_INFINITY;
  /**
   * When a problem other than an outage was last logged, and how often it has occurred since; by kind and error code.
   */
  readonly #lastLogged = new Map<string, { at: Date; since: number }>();

  constructor({ probe, log, now }: Dependencies) {
    this.#probe = probe;
    this.#log = log;
    this.#now = now;
  }

  /**
   * Whether the database answers. Sends a probe unless the last one is less than a second old or still waits for its
   * reply.
   */
  async answers(): Promise<boolean> {
    const nowMs = this.#now().getTime();
    // Do not repeat a probe that is still waiting: each would occupy another connection.
    if (Math.abs(nowMs - this.#askedAtMs) >= (this.#asking ? PROBE_LOST_MS : PROBE_CACHE_MS)) {
      this.#askedAtMs = nowMs;
      this.#answer = this.#ask();
    }
    return this.#answer;
  }

  /** Records a database failure and logs it if it is new. */
  failed(error: unknown, requestId?: string): void {
    if (this.#stopped) return;
    const kind = failureKind(error);
    if (kind === 'unavailable') this.#beginOutage(error, requestId);
    else this.#logOnce(kind, error, requestId);
    // Slow operations may be the first sign of a database that hangs, so send a probe.
    if (kind === 'slow') void this.answers();
    if (this.#outage || kind === 'slow') this.#failures += 1;
  }

  /** Stops the probes and ignores later failures, which happen because the connections are being closed. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#outage?.timer);
  }

  async #ask(): Promise<boolean> {
    const before = eventLoopUse();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<unknown>((resolve) => {
      timer = setTimeout(() => resolve(new DatabaseTooSlow(PROBE_TIMEOUT_MS)), PROBE_TIMEOUT_MS).unref();
    });
    const problem = await Promise.race([this.#look(), late]);
    clearTimeout(timer);
    if (this.#stopped) return problem === undefined;
    // This process was too busy to read the reply in time. That proves nothing about the database.
    if (problem !== undefined && failureKind(problem) === 'slow' && wasBusySince(before))
      return !this.#outage;
    if (problem === undefined) this.#answered();
    else this.#beginOutage(problem);
    return problem === undefined;
  }

  /** @returns the failure; undefined if the database answers */
  async #look(): Promise<unknown> {
    this.#asking = true;
    try {
      await this.#probe(PROBE_TIMEOUT_MS);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      this.#asking = false;
    }
  }

  #beginOutage(error: unknown, requestId?: string): void {
    if (this.#outage) {
      delete this.#outage.answersSince;
      return;
    }
    const since = this.#now();
    const timer = setInterval(() => void this.answers(), PROBE_INTERVAL_MS).unref();
    // An outage that starts this soon after the last one is the same problem.
    const isSame = since.getTime() - this.#lastOutageEndedAtMs < LOG_INTERVAL_MS;
    this.#outage = { since, timer, recoveryMs: isSame ? LOG_INTERVAL_MS : RECOVERY_MS };
    this.#log.error({ err: error, requestId }, 'database unavailable');
  }

  #answered(): void {
    if (!this.#outage) {
      this.#failures = 0;
      return;
    }
    const now = this.#now();
    const { since, timer, recoveryMs, answersSince = now } = this.#outage;
    this.#outage.answersSince = answersSince;
    if (now.getTime() - answersSince.getTime() < recoveryMs) return;
    clearInterval(timer);
    this.#outage = undefined;
    this.#lastOutageEndedAtMs = now.getTime();
    const durationMs = answersSince.getTime() - since.getTime();
    this.#log.info({ durationMs, failures: this.#failures }, 'database available again');
    this.#failures = 0;
  }

  /** Logs a problem at most once per minute. Problems without an outage, such as a full disk, may persist for hours. */
  #logOnce(kind: 'slow' | 'refused', error: unknown, requestId?: string): void {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const key = `${kind} ${code}`;
    const now = this.#now();
    const last = this.#lastLogged.get(key);
    if (last && now.getTime() - last.at.getTime() < LOG_INTERVAL_MS) {
      last.since += 1;
      return;
    }
    this.#lastLogged.set(key, { at: now, since: 0 });
    const message = kind === 'slow' ? 'database too slow' : 'database refused an operation';
    this.#log.error({ err: error, requestId, ...(last && { alsoBefore: last.since }) }, message);
  }
}
