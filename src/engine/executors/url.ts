import { setTimeout as pause } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { FIXED_LIMITS } from '../../config/limits.ts';
import { exactJson } from '../../lib/exact-json.ts';
import { UnacceptableNumber } from '../../lib/exact-numbers.ts';
import { UnacceptableJson, parseStrictly } from '../../lib/strict-json.ts';
import type { Attempt, Executor, Job, Outcome } from '../port.ts';
import {
  ExchangeFailed,
  type Reply,
  exchange,
  outcomeOfFailure,
  outcomeOfRefusal,
  retryAfterMs,
} from './exchange.ts';
import { type Beginning, outputOf, outputOfValue, runError } from './output.ts';

/** Between two looks at a status document: the first pause, and the longest. */
const POLL_MS = { first: 2_000, longest: 30_000 };
const POLL_GROWTH = 1.5;
const POLL_TIMEOUT_MS = 30_000;

/** A service that takes jobs by POST. */
interface Receiver {
  kind: string;
  url: URL;
  body(job: Job): unknown;
  /** @param body - empty for a GET */
  credentials(runId: string, body: string): Record<string, string>;
  /** Where a 202 says that the work can be followed. */
  locationOf(reply: Reply): string | undefined;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** A field of a JSON object, of which only texts matter. */
function textAt(body: Beginning, name: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body.bytes.toString());
  } catch {
    return undefined;
  }
  const member: unknown = isObject(value) ? new Map(Object.entries(value)).get(name) : undefined;
  if (typeof member === 'string') return member;
  return isObject(member) && 'message' in member && typeof member.message === 'string'
    ? member.message
    : undefined;
}

/** The output in a status document: its field `output`, or else all of it. */
function finishedOutput(body: Beginning): unknown {
  try {
    const document = parseStrictly(body.bytes, FIXED_LIMITS.maxJsonDepth);
    if (isObject(document) && 'output' in document) return outputOfValue(document.output);
  } catch (error) {
    if (!(error instanceof UnacceptableJson || error instanceof UnacceptableNumber)) throw error;
  }
  return outputOf(body);
}

function failed(name: string, message: string, repeatable = false): Outcome {
  return { kind: 'failed', error: runError(name, message), repeatable };
}

/** What a status document says of the end; undefined while the work goes on. */
function outcomeOfStatus(body: Beginning): Outcome | undefined {
  const status = textAt(body, 'status');
  switch (status) {
    case 'queued':
    case 'running':
      return undefined;
    case 'completed':
      return { kind: 'completed', output: finishedOutput(body) };
    case 'failed':
      return failed('WorkFailed', textAt(body, 'error') ?? 'The receiver reported status failed.', true);
    case 'cancelled':
      return failed('WorkCancelled', 'The receiver reported status cancelled.');
    default:
      return failed(
        'UnknownStatus',
        `The status document has status ${status === undefined ? 'missing' : JSON.stringify(status)}; ` +
          'it must be queued, running, completed, failed or cancelled.',
      );
  }
}

/** Executes a job by a POST, and follows work that goes on after a 202. */
class ReceiverExecutor implements Executor {
  readonly kind: string;
  readonly #receiver: Receiver;
  readonly #pollMs: typeof POLL_MS;

  constructor(receiver: Receiver, pollMs = POLL_MS) {
    this.kind = receiver.kind;
    this.#receiver = receiver;
    this.#pollMs = pollMs;
  }

  async execute(attempt: Attempt): Promise<Outcome> {
    try {
      return await (attempt.location === undefined
        ? this.#deliver(attempt)
        : this.#follow(attempt.location, attempt));
    } catch (error) {
      if (attempt.signal.aborted) return { kind: 'aborted' };
      if (error instanceof ExchangeFailed) return outcomeOfFailure(error);
      throw error;
    }
  }

  async close(): Promise<void> {}

  async #deliver(attempt: Attempt): Promise<Outcome> {
    const { job, signal, onAccepted } = attempt;
    const { url } = this.#receiver;
    const body = exactJson(this.#receiver.body(job));
    const headers = {
      ...this.#headers(job, body),
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
    };
    const reply = await exchange({ method: 'POST', url, headers, body, signal });
    const { status } = reply;
    if (status < 200 || status > 299) {
      const isUndelivered = status === 429 || (status === 503 && reply.headers['retry-after'] !== undefined);
      return outcomeOfRefusal(reply, isUndelivered);
    }
    if (status !== 202) return { kind: 'completed', output: outputOf(reply.body) };
    const location = this.#receiver.locationOf(reply);
    // Without it, nobody would see how the work ends.
    if (location === undefined)
      return failed('NoLocation', 'The reply was 202 without a Location to follow.');
    const target = URL.canParse(location, url) ? new URL(location, url).href : location;
    if (!this.#isOwn(target)) return this.#elsewhere();
    await onAccepted(target);
    return this.#follow(target, attempt);
  }

  async #follow(location: string, { job, signal }: Attempt): Promise<Outcome> {
    // The setting may have changed since the location was stored.
    if (!this.#isOwn(location)) return this.#elsewhere();
    const { first, longest } = this.#pollMs;
    for (let waitMs = first; ; waitMs = Math.min(waitMs * POLL_GROWTH, longest)) {
      await pause(waitMs, undefined, { signal });
      const reply = await this.#look(new URL(location), job, signal);
      if (reply === undefined) continue;
      if (reply.status === 429 || reply.status >= 500) {
        waitMs = Math.min(Math.max(retryAfterMs(reply) ?? 0, waitMs), longest);
        continue;
      }
      if (reply.status !== 200) return outcomeOfRefusal(reply, false);
      const outcome = outcomeOfStatus(reply.body);
      if (outcome) return outcome;
    }
  }

  /** @returns undefined if there is no reply now: the work may go on all the same */
  async #look(url: URL, job: Job, signal: AbortSignal): Promise<Reply | undefined> {
    try {
      const headers = this.#headers(job, '');
      return await exchange({ method: 'GET', url, headers, signal, timeoutMs: POLL_TIMEOUT_MS });
    } catch (error) {
      if (error instanceof ExchangeFailed && !signal.aborted) return undefined;
      throw error;
    }
  }

  #headers({ run }: Job, body: string): Record<string, string> {
    return {
      accept: 'application/json',
      'user-agent': 'recoup-tasks',
      'idempotency-key': run.id,
      ...this.#receiver.credentials(run.id, body),
    };
  }

  /** Whether credentials may be sent there. */
  #isOwn(location: string): boolean {
    return URL.canParse(location) && new URL(location).origin === this.#receiver.url.origin;
  }

  #elsewhere(): Outcome {
    const { origin } = this.#receiver.url;
    return failed(
      'ForeignLocation',
      `The work is at another origin than ${origin}; it is not followed there.`,
    );
  }
}

/** RUN_URL: any receiver of requests that are signed after Standard Webhooks. */
export function urlExecutor({ url, secret }: { url: string; secret: string }, pollMs = POLL_MS): Executor {
  const webhook = new Webhook(secret);
  const receiver: Receiver = {
    kind: 'url',
    url: new URL(url),
    body: (job) => job,
    credentials(id, body) {
      const at = new Date();
      return {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': webhook.sign(id, at, body),
      };
    },
    locationOf: ({ headers }) => headers.location,
  };
  return new ReceiverExecutor(receiver, pollMs);
}

/** RUN_CHAT_URL: a chat service that takes prompts at /api/chat/runs. */
export function chatExecutor({ url, key }: { url: string; key: string }, pollMs = POLL_MS): Executor {
  const runs = new URL(`${url.replace(/\/+$/, '')}/api/chat/runs`);
  const receiver: Receiver = {
    kind: 'chat',
    url: runs,
    body: ({ task, run }) => ({
      messages: [{ id: run.id, role: 'user', parts: [{ type: 'text', text: task.prompt }] }],
      accountId: task.account_id,
      artistId: task.artist_account_id ?? undefined,
      model: task.model ?? undefined,
      trigger_run_id: run.id,
    }),
    credentials: () => ({ 'x-api-key': key }),
    locationOf({ body }) {
      const id = textAt(body, 'runId');
      return id === undefined ? undefined : `${runs.href}/${encodeURIComponent(id)}`;
    },
  };
  return new ReceiverExecutor(receiver, pollMs);
}
