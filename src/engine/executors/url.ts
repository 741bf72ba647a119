import { setTimeout as pause } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { FIXED_LIMITS } from '../../config/limits.ts';
import { exactJson } from '../../lib/exact-json.ts';
import { UnacceptableNumber } from '../../lib/exact-numbers.ts';
import { UnacceptableJson, parseStrictly } from '../../lib/strict-json.ts';
import type { Attempt, Executor, Job, Outcome } from '../port.ts';
import { ExchangeFailed, type Reply, exchange, outcomeOfFailure, outcomeOfRefusal } from './exchange.ts';
import { failed } from './outcomes.ts';
import { type Beginning, outputOf, outputOfValue } from './output.ts';

/** First and longest delay between two polls of a status document. */
const POLL_MS = { first: 2_000, longest: 30_000 };
const POLL_GROWTH = 1.5;
const POLL_TIMEOUT_MS = 30_000;

/** A service that receives jobs by POST and executes them. */
interface Receiver {
  kind: string;
  url: URL;
  body(job: Job): unknown;
  /** Returns the headers that authenticate a request. @param body - the request's body; empty for a GET */
  credentials(runId: string, body: string): Record<string, string>;
  /** Returns the URL of the status document of accepted work. @param reply - a 202 reply */
  locationOf(reply: Reply): string | undefined;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Returns a string field of a JSON object. If the field is an object with a `message`, returns the message. */
function textAt(body: Beginning, name: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body.bytes.toString());
    const member: unknown = new Map(Object.entries(Object(value))).get(name);
    const text = isObject(member) && 'message' in member ? member.message : member;
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the output in a status document: the field `output`, or the whole document if it has no such field. */
function finishedOutput(body: Beginning): unknown {
  try {
    const document = parseStrictly(body.bytes, FIXED_LIMITS.maxJsonDepth);
    if (isObject(document) && 'output' in document) return outputOfValue(document.output);
  } catch (error) {
    if (!(error instanceof UnacceptableJson || error instanceof UnacceptableNumber)) throw error;
  }
  return outputOf(body);
}

/** Returns the outcome that a status document reports; undefined while the work continues. */
function outcomeOfStatus(body: Beginning): Outcome | undefined {
  const status = textAt(body, 'status');
  switch (status) {
    case 'queued':
    case 'running':
      return undefined;
    case 'completed':
      return { kind: 'completed', output: finishedOutput(body) };
    case 'failed':
      return failed(
        'WorkFailed',
        textAt(body, 'error') ?? 'The receiver reported a failure without an error.',
        true,
      );
    case 'cancelled':
      return failed('WorkCancelled', 'The receiver reported the status "cancelled".');
    default:
      return failed(
        'UnknownStatus',
        `The status document has ${status === undefined ? 'no status' : `status ${JSON.stringify(status)}`}; ` +
          'it must be queued, running, completed, failed or cancelled.',
      );
  }
}

/** Creates an executor that delivers a job by POST. If the reply is 202, the executor polls for the result. */
function receiverExecutor(receiver: Receiver, pollMs: typeof POLL_MS): Executor {
  const { url } = receiver;

  const headersOf = ({ run }: Job, body: string) => ({
    accept: 'application/json',
    'user-agent': 'recoup-tasks',
    'idempotency-key': run.id,
    ...receiver.credentials(run.id, body),
  });

  /** Requests a status document once. @returns undefined after a lost connection, 429 or 5xx; the work may continue */
  async function poll(at: URL, job: Job, signal: AbortSignal): Promise<Reply | undefined> {
    try {
      const headers = headersOf(job, '');
      const reply = await exchange({ method: 'GET', url: at, headers, signal, timeoutMs: POLL_TIMEOUT_MS });
      return reply.status === 429 || reply.status >= 500 ? undefined : reply;
    } catch (error) {
      if (error instanceof ExchangeFailed && !signal.aborted) return undefined;
      throw error;
    }
  }

  async function follow(at: URL, { job, signal }: Attempt): Promise<Outcome> {
    for (let waitMs = pollMs.first; ; waitMs = Math.min(waitMs * POLL_GROWTH, pollMs.longest)) {
      await pause(waitMs, undefined, { signal });
      const reply = await poll(at, job, signal);
      if (reply === undefined) continue;
      if (reply.status !== 200) return outcomeOfRefusal(reply, false);
      const outcome = outcomeOfStatus(reply.body);
      if (outcome) return outcome;
    }
  }

  /**
   * Polls the status document at a location until the work ends. Sends credentials only to the executor's own origin,
   * because the location comes from the receiver, or was stored under earlier settings.
   */
  async function followOwn(location: string, attempt: Attempt, isStored: boolean): Promise<Outcome> {
    const at = URL.canParse(location, url) ? new URL(location, url) : undefined;
    // The location is stored, so it must not contain a password.
    if (at?.origin !== url.origin || at.username !== '' || at.password !== '') {
      const message = `The URL of the status document must be on ${url.origin}, without user and password.`;
      return failed('ForeignLocation', message);
    }
    if (!isStored) await attempt.onAccepted(at.href);
    return follow(at, attempt);
  }

  async function deliver(attempt: Attempt): Promise<Outcome> {
    const { job, signal } = attempt;
    const body = exactJson(receiver.body(job));
    const headers = {
      ...headersOf(job, body),
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
    const location = receiver.locationOf(reply);
    if (location === undefined)
      return failed('NoLocation', 'The reply was 202 without a location, so the result cannot be read.');
    return followOwn(location, attempt, false);
  }

  return {
    kind: receiver.kind,
    async execute(attempt) {
      const { location, signal } = attempt;
      try {
        return await (location === undefined ? deliver(attempt) : followOwn(location, attempt, true));
      } catch (error) {
        if (signal.aborted) return { kind: 'aborted' };
        if (error instanceof ExchangeFailed) return outcomeOfFailure(error);
        throw error;
      }
    },
    async close() {},
  };
}

/** Creates the executor of RUN_URL, which signs its requests according to Standard Webhooks. */
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
  return receiverExecutor(receiver, pollMs);
}

/** Creates the executor of RUN_CHAT_URL, which posts prompts to /api/chat/runs of a chat service. */
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
  return receiverExecutor(receiver, pollMs);
}
