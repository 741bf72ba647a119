import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  CanceledRunResponse,
  CreateScheduleOptions,
  DeletedScheduleObject,
  ListRunResponse,
  ListSchedulesResult,
  RetrieveRunResponse,
  ScheduleObject,
  TriggerTaskRequestBody,
  TriggerTaskResponse,
  UpdateScheduleOptions,
} from '@trigger.dev/core/v3/schemas';
import {
  API_VERSION,
  type NewRun,
  type StubRun,
  describeRun,
  generatorOf,
  impliedBy,
  listItemOf,
  runOf,
} from './stub-runs.ts';

export const KEY = 'tr_prod_secret';
/** A key of an environment that has neither schedules nor runs. */
export const EMPTY_KEY = 'tr_dev_secret';
export const TASK = 'customer-prompt-task';

const PAGE = 100;
const WINDOW_MS = 10_000;
/** Five fields; names and steps are the service's own business. */
const CRON = /^(\S+ ){4}\S+$/;

export interface StubSchedule {
  id: string;
  type: 'IMPERATIVE' | 'DECLARATIVE';
  task: string;
  cron: string;
  timezone: string;
  active: boolean;
  deduplicationKey?: string;
  externalId?: string;
  /** Spreads fire times; a change that omits it resets it. */
  window?: string;
}

/** The kinds of calls that the stub counts. */
export const CALLS = [
  'listSchedules',
  'retrieveSchedule',
  'createSchedule',
  'updateSchedule',
  'activateSchedule',
  'deactivateSchedule',
  'deleteSchedule',
  'listRuns',
  'retrieveRun',
  'triggerRun',
  'cancelRun',
  'download',
] as const;
export type CallKind = (typeof CALLS)[number];

/**
 * How the API fails:
 * - `down`: no connection
 * - `hanging`: no reply
 * - a number: replies with this status
 */
export type Failure = 'down' | 'hanging' | number;

/** A reply of another status than 200, with Trigger.dev's usual body. */
class Refusal extends Error {
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

interface Call {
  url: URL;
  body: string;
  headers: Headers;
  /** The parts of the path that the route names. */
  id: string;
}

interface Schema {
  parse: (value: unknown) => unknown;
}

interface StubOptions {
  /** The time by which runs are created and calls are limited. */
  now?: () => Date;
  /** Tasks that may have schedules. */
  tasks?: string[];
  scheduleLimit?: number;
  /** Maximum number of requests in 10 seconds. */
  rateLimit?: number;
}

/**
 * Trigger.dev's management API in memory, with one project. Its replies pass the schemas of Trigger.dev's own package.
 * Reachable by `fetch`, and over HTTP once `listen` was called.
 */
export class TriggerStub {
  readonly schedules = new Map<string, StubSchedule>();
  readonly runs = new Map<string, StubRun>();
  /** Bodies of presigned URLs, by path. */
  readonly files = new Map<string, string>();
  tasks: Set<string>;
  scheduleLimit: number;
  rateLimit: number;
  /** Returns how a call fails. */
  failing: (kind: CallKind, call: { url: URL; count: number }) => Failure | undefined = () => undefined;
  readonly counts: Record<CallKind, number> = {
    listSchedules: 0,
    retrieveSchedule: 0,
    createSchedule: 0,
    updateSchedule: 0,
    activateSchedule: 0,
    deactivateSchedule: 0,
    deleteSchedule: 0,
    listRuns: 0,
    retrieveRun: 0,
    triggerRun: 0,
    cancelRun: 0,
    download: 0,
  };
  /** Calls that the rate limit refused; not in `counts`. */
  limited = 0;
  /** Replies that the schemas refused; `close` throws them. */
  readonly faults: unknown[] = [];
  /** The calls that `counts` counts, in order, with the id in their path. */
  log: { kind: CallKind; id: string; body: string }[] = [];
  readonly #now: () => Date;
  #window = { startMs: -Infinity, requests: 0 };
  #ids = 0;
  /** Zones that were checked. */
  readonly #zones = new Set<string>();
  readonly #idsByKey = new Map<string, string>();
  #sorted: StubRun[] = [];
  #positions = new Map<string, number>();
  #server: ReturnType<typeof createServer> | undefined;
  #url = 'http://trigger.test';

  constructor({
    now = () => new Date(),
    tasks = [TASK],
    scheduleLimit = 1e6,
    rateLimit = 250,
  }: StubOptions = {}) {
    this.#now = now;
    this.tasks = new Set(tasks);
    this.scheduleLimit = scheduleLimit;
    this.rateLimit = rateLimit;
  }

  get url(): string {
    return this.#url;
  }

  /** Number of calls that were counted. */
  get calls(): number {
    return this.log.length;
  }

  resetCounts(): void {
    for (const kind of CALLS) this.counts[kind] = 0;
    this.limited = 0;
    this.log = [];
  }

  addSchedule(fields: Partial<StubSchedule> = {}): StubSchedule {
    this.#ids += 1;
    const schedule: StubSchedule = {
      id: `sched_${String(this.#ids).padStart(8, '0')}`,
      type: 'IMPERATIVE',
      task: TASK,
      cron: '0 9 * * *',
      timezone: 'UTC',
      active: true,
      ...fields,
    };
    this.schedules.set(schedule.id, schedule);
    if (schedule.deduplicationKey !== undefined) this.#idsByKey.set(schedule.deduplicationKey, schedule.id);
    return schedule;
  }

  /** Adds a run; by default a queued one that a person triggered. */
  addRun(fields: NewRun = {}): StubRun {
    this.#ids += 1;
    const run = runOf(`run_${String(this.#ids).padStart(8, '0')}`, this.#now(), {
      taskIdentifier: TASK,
      ...fields,
    });
    this.runs.set(run.id, run);
    return run;
  }

  /** Fires a schedule: adds its run. */
  fire(scheduleId: string, fields: NewRun = {}): StubRun {
    const schedule = this.schedules.get(scheduleId);
    if (!schedule) throw new Error(`no schedule ${scheduleId}`);
    const { id, task: taskIdentifier, type, externalId, timezone, cron, deduplicationKey } = schedule;
    const timestamp = this.#now().toISOString();
    return this.addRun({
      taskIdentifier,
      schedule: { id, externalId, deduplicationKey, cron },
      payload: { scheduleId: id, type, timestamp, externalId, timezone, upcoming: [] },
      ...fields,
    });
  }

  /** Changes a run, e.g. to `{ status: 'COMPLETED', output }`. Sets the instants that a new status implies. */
  change(id: string, fields: NewRun): StubRun {
    const run = this.runs.get(id);
    if (!run) throw new Error(`no run ${id}`);
    const now = this.#now();
    Object.assign(run, { updatedAt: now }, fields);
    Object.assign(run, impliedBy(run, now), fields);
    return run;
  }

  /** Stands in for the global `fetch`. */
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const reply = await this.#reply(
      request.method,
      new URL(request.url),
      request.headers,
      await request.text(),
    );
    if (reply === 'down')
      throw new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) });
    if (reply !== 'hanging') return reply;
    return new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
    });
  };

  /** Serves the API over HTTP at `url`. */
  async listen(): Promise<string> {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port }: AddressInfo = Object(this.#server.address());
    this.#url = `http://127.0.0.1:${port}`;
    return this.#url;
  }

  async close(): Promise<void> {
    if (this.#server) {
      this.#server.closeAllConnections();
      this.#server.close();
      await once(this.#server, 'close');
    }
    if (this.faults.length > 0) throw new AggregateError(this.faults, `the stub is wrong: ${this.faults}`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = request;
    const given = new Headers(
      Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const reply = await this.#reply(method, new URL(url, this.#url), given, await text(request));
    if (reply === 'down') response.destroy();
    if (!(reply instanceof Response)) return;
    response.writeHead(reply.status, Object.fromEntries(reply.headers)).end(await reply.text());
  }

  async #reply(
    method: string,
    url: URL,
    headers: Headers,
    body: string,
  ): Promise<Response | 'down' | 'hanging'> {
    const found = ROUTES.find(([verb, path]) => verb === method && path.test(url.pathname));
    if (!found) return new Response('<html>Not found</html>', { status: 404 });
    const [, path, kind, schema] = found;
    const id = decodeURIComponent(path.exec(url.pathname)?.[1] ?? '');
    if (kind === 'download') return this.#download(url, id);
    try {
      if (this.#isLimited()) throw this.#limit();
      this.counts[kind] += 1;
      this.log.push({ kind, id, body });
      const failure = this.failing(kind, { url, count: this.counts[kind] });
      if (typeof failure === 'string') return failure;
      if (failure === 429) throw this.#limit();
      if (failure !== undefined) throw new Refusal(failure, 'Internal Server Error');
      const key = headers.get('authorization')?.replace('Bearer ', '');
      if (key !== KEY && key !== EMPTY_KEY) throw new Refusal(401, 'Invalid or Missing API Key');
      const result = this.#handlers[kind]({ url, body, headers, id }, key === EMPTY_KEY);
      const sent = JSON.stringify(result);
      // The package knows only the statuses of this version.
      if (headers.get('x-trigger-api-version') === API_VERSION) schema?.parse(JSON.parse(sent));
      return new Response(sent, {
        headers: {
          'content-type': 'application/json',
          ...(kind === 'triggerRun' && { 'x-trigger-jwt': 'jwt' }),
        },
      });
    } catch (error) {
      if (error instanceof Refusal) return jsonOf(error.status, { error: error.message }, error.headers);
      this.faults.push(error);
      return jsonOf(500, { error: `the stub is wrong: ${String(error)}` });
    }
  }

  #isLimited(): boolean {
    const nowMs = this.#now().getTime();
    if (nowMs >= this.#window.startMs + WINDOW_MS) this.#window = { startMs: nowMs, requests: 0 };
    this.#window.requests += 1;
    return this.#window.requests > this.rateLimit;
  }

  #limit(): Refusal {
    this.limited += 1;
    const resetMs = this.#window.startMs + WINDOW_MS;
    return new Refusal(429, 'Rate limit exceeded', {
      'x-ratelimit-limit': String(this.rateLimit),
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(resetMs),
      'retry-after': String(Math.ceil((resetMs - this.#now().getTime()) / 1_000)),
    });
  }

  #download(url: URL, id: string): Response | 'down' | 'hanging' {
    this.counts.download += 1;
    this.log.push({ kind: 'download', id, body: '' });
    const failure = this.failing('download', { url, count: this.counts.download });
    if (typeof failure === 'string') return failure;
    const file = this.files.get(id);
    if (failure !== undefined || file === undefined) return new Response('', { status: failure ?? 404 });
    return new Response(file, { headers: { 'content-type': 'application/json' } });
  }

  #schedule(id: string): StubSchedule {
    const schedule = this.schedules.get(id);
    if (!schedule) throw new Refusal(404, 'Schedule not found');
    return schedule;
  }

  #changeable(id: string): StubSchedule {
    const schedule = this.#schedule(id);
    if (schedule.type === 'DECLARATIVE')
      throw new Refusal(422, 'Declarative schedules cannot be changed by the API');
    return schedule;
  }

  /** Throws what Trigger.dev replies to a schedule that it cannot keep. */
  #check({ task, cron, timezone }: { task: string; cron: string; timezone?: string }): void {
    if (!this.tasks.has(task)) {
      throw new Refusal(422, `Task with identifier ${task} not found in project.`);
    }
    if (!CRON.test(cron)) throw new Refusal(422, `Invalid cron expression: ${cron}`);
    if (timezone === undefined || this.#zones.has(timezone)) return;
    try {
      Intl.DateTimeFormat('en', { timeZone: timezone });
      this.#zones.add(timezone);
    } catch {
      throw new Refusal(422, `Invalid IANA timezone: '${timezone}'`);
    }
  }

  /** Schedules are the project's, so that an environment without runs has them too; but a key sees its own only. */
  readonly #handlers: Record<Exclude<CallKind, 'download'>, (call: Call, seesNothing: boolean) => unknown> = {
    listSchedules: ({ url }, seesNothing) => {
      const page = Number(url.searchParams.get('page') ?? 1);
      const perPage = Math.min(PAGE, Number(url.searchParams.get('perPage') ?? 50));
      const all = seesNothing ? [] : [...this.schedules.values()];
      return {
        data: all.slice((page - 1) * perPage, page * perPage).map(viewSchedule),
        pagination: { currentPage: page, totalPages: Math.ceil(all.length / perPage), count: all.length },
      };
    },
    retrieveSchedule: ({ id }) => viewSchedule(this.#schedule(id)),
    createSchedule: ({ body }) => {
      const wanted = CreateScheduleOptions.parse(JSON.parse(body));
      this.#check(wanted);
      const { task, cron, timezone = 'UTC', externalId, window, deduplicationKey } = wanted;
      const fields = { task, cron, timezone, externalId, window };
      const existing = this.#byKey(deduplicationKey);
      if (existing) return viewSchedule(Object.assign(existing, fields));
      if (this.schedules.size >= this.scheduleLimit) {
        const limit = `${this.schedules.size}/${this.scheduleLimit}`;
        throw new Refusal(422, `You have created ${limit} schedules so you'll need to increase your limits`);
      }
      return viewSchedule(this.addSchedule({ ...fields, deduplicationKey }));
    },
    updateSchedule: ({ id, body }) => {
      const schedule = this.#changeable(id);
      const wanted = UpdateScheduleOptions.parse(JSON.parse(body));
      this.#check(wanted);
      const { task, cron, timezone = 'UTC', externalId, window } = wanted;
      return viewSchedule(Object.assign(schedule, { task, cron, timezone, externalId, window }));
    },
    activateSchedule: ({ id }) => viewSchedule(Object.assign(this.#changeable(id), { active: true })),
    deactivateSchedule: ({ id }) => viewSchedule(Object.assign(this.#changeable(id), { active: false })),
    deleteSchedule: ({ id }) => {
      this.#changeable(id);
      this.schedules.delete(id);
      return { id };
    },
    listRuns: ({ url, headers }, seesNothing) => this.#listRuns(url.searchParams, headers, seesNothing),
    retrieveRun: ({ id, headers }, seesNothing) => {
      const run = seesNothing ? undefined : this.runs.get(id);
      if (!run) throw new Refusal(404, 'Run not found');
      return describeRun(run, headers, `${this.#url}/files/`);
    },
    triggerRun: ({ id: taskIdentifier, body }) => {
      const { payload, options = {} } = TriggerTaskRequestBody.parse(JSON.parse(body));
      const { idempotencyKey, tags } = options;
      if (!this.tasks.has(taskIdentifier)) throw new Refusal(404, 'Task not found');
      const same = [...this.runs.values()].find(
        (run) => idempotencyKey !== undefined && run.idempotencyKey === idempotencyKey,
      );
      if (same) return { id: same.id, isCached: true };
      const { id } = this.addRun({ taskIdentifier, payload, idempotencyKey, tags: [tags ?? []].flat() });
      return { id, isCached: false };
    },
    cancelRun: ({ id }, seesNothing) => {
      const run = seesNothing ? undefined : this.runs.get(id);
      if (!run) throw new Refusal(404, 'Run not found');
      if (!run.finishedAt) this.change(id, { status: 'CANCELED' });
      return { id };
    },
  };

  #byKey(deduplicationKey: string): StubSchedule | undefined {
    // Tests may also change the schedules themselves.
    const known = this.schedules.get(this.#idsByKey.get(deduplicationKey) ?? '');
    return known?.deduplicationKey === deduplicationKey ? known : undefined;
  }

  /** Newest first. Creation times must not change, so that an order stays until a run is added. */
  #sortedRuns(): StubRun[] {
    if (this.#sorted.length !== this.runs.size) {
      this.#sorted = [...this.runs.values()].toSorted(
        (one, other) => other.createdAt.getTime() - one.createdAt.getTime() || (one.id < other.id ? 1 : -1),
      );
      this.#positions = new Map(this.#sorted.map(({ id }, at) => [id, at]));
    }
    return this.#sorted;
  }

  #listRuns(query: URLSearchParams, headers: Headers, seesNothing: boolean) {
    const size = Math.min(PAGE, Number(query.get('page[size]') ?? 25));
    const after = query.get('page[after]');
    const fromMs = Number(query.get('filter[createdAt][from]') ?? -Infinity);
    const toMs = Number(query.get('filter[createdAt][to]') ?? Infinity);
    const statuses = query.get('filter[status]')?.split(',');
    const tasks = query.get('filter[taskIdentifier]')?.split(',');
    const all = seesNothing ? [] : this.#sortedRuns();
    const found: StubRun[] = [];
    const first = after === null ? 0 : (this.#positions.get(after) ?? Number.NaN) + 1;
    if (Number.isNaN(first)) throw new Refusal(400, 'Invalid cursor');
    // One more than the page tells whether there is a next one.
    for (let at = first; at < all.length && found.length <= size; at += 1) {
      const run = all[at];
      if (!run || run.createdAt.getTime() > toMs) continue;
      if (run.createdAt.getTime() < fromMs) break;
      if (statuses && !statuses.includes(run.status)) continue;
      if (!tasks || tasks.includes(run.taskIdentifier)) found.push(run);
    }
    const page = found.slice(0, size);
    return {
      data: page.map((run) => listItemOf(run, headers)),
      pagination: { next: found.length > size ? page.at(-1)?.id : undefined, previous: after ?? undefined },
    };
  }
}

/** Absent values are omitted by JSON. */
function viewSchedule({ cron, ...schedule }: StubSchedule) {
  return {
    ...schedule,
    generator: generatorOf(cron),
    environments: [{ id: 'env_1', type: 'PRODUCTION' }],
  };
}

const jsonOf = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });

const ROUTES: [method: string, path: RegExp, kind: CallKind, reply?: Schema][] = [
  ['GET', /^\/api\/v1\/schedules$/, 'listSchedules', ListSchedulesResult],
  ['POST', /^\/api\/v1\/schedules$/, 'createSchedule', ScheduleObject],
  ['GET', /^\/api\/v1\/schedules\/([^/]+)$/, 'retrieveSchedule', ScheduleObject],
  ['PUT', /^\/api\/v1\/schedules\/([^/]+)$/, 'updateSchedule', ScheduleObject],
  ['DELETE', /^\/api\/v1\/schedules\/([^/]+)$/, 'deleteSchedule', DeletedScheduleObject],
  ['POST', /^\/api\/v1\/schedules\/([^/]+)\/activate$/, 'activateSchedule', ScheduleObject],
  ['POST', /^\/api\/v1\/schedules\/([^/]+)\/deactivate$/, 'deactivateSchedule', ScheduleObject],
  ['GET', /^\/api\/v1\/runs$/, 'listRuns', ListRunResponse],
  ['GET', /^\/api\/v3\/runs\/([^/]+)$/, 'retrieveRun', RetrieveRunResponse],
  ['POST', /^\/api\/v1\/tasks\/([^/]+)\/trigger$/, 'triggerRun', TriggerTaskResponse],
  ['POST', /^\/api\/v2\/runs\/([^/]+)\/cancel$/, 'cancelRun', CanceledRunResponse],
  ['GET', /^\/files\/([^/]+)$/, 'download'],
];
