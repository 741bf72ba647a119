import type { IncomingHttpHeaders } from 'node:http';
import { LRUCache } from 'lru-cache';
import { type RequestOptions, type Endpoint, type Exchange, LIMIT_MS, exchange } from './exchange.ts';
import type { FaultLog } from './fault-log.ts';
import type { Figures, Outcome } from './figures.ts';
import type { Findings } from './findings.ts';
import { problemOf } from './reply-check.ts';

/** Maximum number of replies that are remembered with their ETag. */
const REMEMBERED = 200;

interface Remembered {
  etag: string;
  text: string;
}

/**
 * Sends the requests of all clients, and counts their outcomes. Reports replies that violate the spec or a rule for
 * all requests as findings.
 */
export class Sender {
  readonly #faults: FaultLog;
  readonly #findings: Findings;
  readonly #figures: Figures;
  readonly #remembered = new LRUCache<string, Remembered>({ max: REMEMBERED });

  constructor(faults: FaultLog, findings: Findings, figures: Figures) {
    this.#faults = faults;
    this.#findings = findings;
    this.#figures = figures;
  }

  /** @param kind - row of the figures in which the request is counted */
  async send(instance: Endpoint, kind: string, asked: RequestOptions): Promise<Exchange> {
    const { targets } = instance;
    const ended = await exchange(instance, asked, (call) =>
      // No time limit for a client that reads slowly on purpose.
      asked.pauseMs === undefined ? this.#faults.after(LIMIT_MS, targets, call) : () => {},
    );
    this.#figures.countRequest(kind, outcomeOf(ended));
    this.#figures.slowness = Math.max(this.#figures.slowness, this.#faults.slowness);
    if (!this.#faults.explains(targets, ended.from, ended.to))
      this.#figures.slowestMs = Math.max(this.#figures.slowestMs, ended.to - ended.from);
    this.#judge(instance, asked, ended);
    return ended;
  }

  /**
   * Sends a GET request, optionally with the ETag of the last reply to the same request.
   * @returns the reply, or on 304 the remembered reply; undefined if no reply or an unexpected 304 arrived
   */
  async get(
    instance: Endpoint,
    kind: string,
    path: string,
    options: { conditional: boolean; gzip: boolean; pauseMs?: number },
  ): Promise<{ from: number; to: number; status: number; text: string } | undefined> {
    const key = `${path} ${options.gzip ? 'gzip' : ''}`;
    const known = this.#remembered.get(key);
    const headers = {
      ...(options.gzip && { 'Accept-Encoding': 'gzip' }),
      ...(options.conditional && known && { 'If-None-Match': known.etag }),
    };
    const { pauseMs } = options;
    const ended = await this.send(instance, kind, { method: 'GET', path, headers, pauseMs });
    if (ended.outcome !== 'replied') return undefined;
    const { from, to, status } = ended;
    if (status !== 304) {
      this.#remember(path, key, ended);
      return { from, to, status, text: ended.text };
    }
    if (!known || headers['If-None-Match'] === undefined) {
      this.#findings.add('wrong', `GET ${path} replied 304 to an unconditional request`);
      return undefined;
    }
    return { from, to, status: 200, text: known.text };
  }

  /**
   * Remembers a reply, and checks that an unchanged ETag means an unchanged body. A new ETag for an unchanged body only
   * costs a transfer, so it is counted but is not a finding.
   */
  #remember(path: string, key: string, reply: { headers: IncomingHttpHeaders; text: string }): void {
    const { etag } = reply.headers;
    if (etag === undefined) return;
    const before = this.#remembered.get(key);
    if (before?.etag === etag && before.text !== reply.text)
      this.#findings.add('wrong', `GET ${path} has the ETag ${etag} for two bodies`, [
        before.text,
        reply.text,
      ]);
    if (before && before.etag !== etag && before.text === reply.text) this.#figures.needlessTags += 1;
    this.#remembered.set(key, { etag, text: reply.text });
  }

  #judge(instance: Endpoint, asked: RequestOptions, ended: Exchange): void {
    const what = `${instance.name}: ${asked.method} ${asked.path}`;
    const { from, to, outcome } = ended;
    const tookMs = `after ${Math.round(to - from)} ms`;
    if (outcome === 'hung') return this.#findings.add('hung', `${what} was not answered ${tookMs}`);
    if (outcome === 'refused' && !this.#faults.explains([instance.name], from, to))
      return this.#findings.add('wrong', `${what} was refused a connection, though no fault explains it`);
    if (outcome === 'cut' && !ended.reused && !this.#faults.explains(instance.targets, from, to))
      return this.#findings.add('wrong', `${what} was cut off ${tookMs}, though no fault explains it`);
    if (outcome !== 'replied') return;
    const problem = problemOf(asked, ended);
    if (problem) this.#findings.add('wrong', `${what}: ${problem}`);
    const isExpected = ended.status === 503 && this.#faults.explains(instance.targets, from, to);
    if (ended.status >= 500 && !isExpected)
      this.#findings.add('wrong', `${what} was answered ${ended.status} ${tookMs}: ${ended.text}`);
  }
}

function outcomeOf(ended: Exchange): Outcome {
  if (ended.outcome === 'replied') {
    const { status } = ended;
    if (status >= 200 && status < 300) return '2xx';
    if (status === 304) return '304';
    if (status === 503) return '503';
    return status >= 400 && status < 500 ? '4xx' : 'other';
  }
  return ended.outcome === 'refused' ? 'no connection' : ended.outcome;
}
