import type { Logger } from 'pino';
import { eventLoopUse, wasBusySince } from '../lib/event-loop.ts';
import { DatabaseTooSlow, failureKind } from './failures.ts';

/** How long an answer of the database is taken for true: probes, however many, cannot become load. */
const TRUSTED_MS = 1_000;
/** How long the database may take to answer that it is there. */
const ANSWER_MS = 1_000;
/** After which a question counts as lost: one that the driver got while it was connecting may never come back. */
const LOST_MS = 6_000;
/** Between two looks whether it is back. */
const LOOK_AGAIN_MS = 1_000;
/** How often the log tells of the same trouble. */
const TOLD_EVERY_MS = 60_000;
/** How long it must answer, and nothing fail, for an outage to be over: some of what is asked may fail, and some not. */
const CALM_MS = 5_000;

interface Outage {
  since: Date;
  timer: NodeJS.Timeout;
  calmMs: number;
  /** Since when all has gone well again; undefined while it does not. */
  answersSince?: Date;
}

interface Dependencies {
  /** Runs a cheap command with the permissions that requests need; rejects if the database does not answer. */
  probe: (maxTimeMs: number) => Promise<unknown>;
  log: Logger;
  /** The clock. */
  now: () => Date;
}

/** Knows whether the database answers, and tells the log when that changes: once, not for each request that fails or not. */
export class DatabaseWatch {
  readonly #probe: Dependencies['probe'];
  readonly #log: Logger;
  readonly #now: () => Date;
  #asking = false;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #answer: Promise<boolean> = Promise.resolve(true);
  #stopped = false;
  #outage: Outage | undefined;
  /** Of an outage; or since it was last found to answer, as the first that is seen of one may be that it is slow. */
  #failures = 0;
  #lastOutageEndedAtMs = Number.NEGATIVE_INFINITY;
  /** By kind: when the log was last told of a trouble that is no outage, and how often it came since. */
  readonly #told = new Map<string, { at: Date; since: number }>();

  constructor({ probe, log, now }: Dependencies) {
    this.#probe = probe;
    this.#log = log;
    this.#now = now;
  }

  /** Whether the database answers, as it was found within the last second. */
  async answers(): Promise<boolean> {
    const nowMs = this.#now().getTime();
    // A question that it has not answered yet is not asked again: it would take up one connection after the other.
    if (Math.abs(nowMs - this.#askedAtMs) >= (this.#asking ? LOST_MS : TRUSTED_MS)) {
      this.#askedAtMs = nowMs;
      this.#answer = this.#ask();
    }
    return this.#answer;
  }

  /** Takes note of a failure of the database; the log is told if it is news. */
  failed(error: unknown, requestId?: string): void {
    if (this.#stopped) return;
    const kind = failureKind(error);
    if (kind === 'away') this.#beginOutage(error, requestId);
    else this.#tellOnce(kind, error, requestId);
    // Slow may be the first that is seen of a database that stands still.
    if (kind === 'slow') void this.answers();
    if (this.#outage || kind === 'slow') this.#failures += 1;
  }

  /** Ends the watch: what fails from now on does so because the connections are closed. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#outage?.timer);
  }

  async #ask(): Promise<boolean> {
    const before = eventLoopUse();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<unknown>((resolve) => {
      timer = setTimeout(() => resolve(new DatabaseTooSlow(ANSWER_MS)), ANSWER_MS).unref();
    });
    const problem = await Promise.race([this.#look(), late]);
    clearTimeout(timer);
    if (this.#stopped) return problem === undefined;
    // This process was too busy to read the answer in time: that tells nothing of the database.
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
      await this.#probe(ANSWER_MS);
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
    const timer = setInterval(() => void this.answers(), LOOK_AGAIN_MS).unref();
    // One that comes again so soon is the same trouble.
    const isSame = since.getTime() - this.#lastOutageEndedAtMs < TOLD_EVERY_MS;
    this.#outage = { since, timer, calmMs: isSame ? TOLD_EVERY_MS : CALM_MS };
    this.#log.error({ err: error, requestId }, 'database unavailable');
  }

  #answered(): void {
    if (!this.#outage) {
      this.#failures = 0;
      return;
    }
    const now = this.#now();
    const { since, timer, calmMs, answersSince = now } = this.#outage;
    this.#outage.answersSince = answersSince;
    if (now.getTime() - answersSince.getTime() < calmMs) return;
    clearInterval(timer);
    this.#outage = undefined;
    this.#lastOutageEndedAtMs = now.getTime();
    const durationMs = answersSince.getTime() - since.getTime();
    this.#log.info({ durationMs, failures: this.#failures }, 'database available again');
    this.#failures = 0;
  }

  /** What goes on while the database answers, such as a full disk, may go on for long. */
  #tellOnce(kind: 'slow' | 'refused', error: unknown, requestId?: string): void {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const key = `${kind} ${code}`;
    const now = this.#now();
    const told = this.#told.get(key);
    if (told && now.getTime() - told.at.getTime() < TOLD_EVERY_MS) {
      told.since += 1;
      return;
    }
    this.#told.set(key, { at: now, since: 0 });
    const message = kind === 'slow' ? 'database too slow' : 'database refused an operation';
    this.#log.error({ err: error, requestId, ...(told && { alsoBefore: told.since }) }, message);
  }
}
