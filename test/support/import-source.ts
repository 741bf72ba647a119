/** Sources that `npm run import` reads from: a gate before a service, and a scripted original. */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type Client, listRuns, listTasks, pagesOf } from '../../src/client/index.ts';
import { KeyStore } from '../../src/store/key-store.ts';
import { pino } from 'pino';
import type { Collections } from '../../src/store/collections.ts';

/** A server on a free port of this machine. */
export async function serve(answer: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port }: Pick<AddressInfo, 'port'> = JSON.parse(JSON.stringify(server.address()));
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** A key that sees all accounts. */
export async function adminKey(collections: Pick<Collections, 'api_keys'>): Promise<string> {
  const keys = new KeyStore(collections, pino({ level: 'silent' }));
  return (await keys.create({ name: 'import', scope: 'admin' }, new Date())).key;
}

/** Passes requests on to a service, a number of them; the next gets no reply. */
export async function gateBefore(url: string) {
  let left = Infinity;
  let closed = () => {};
  const server = await serve(async (request, response) => {
    if (left <= 0) return closed();
    left -= 1;
    const reply = await fetch(`${url}${request.url}`, {
      headers: { 'x-api-key': String(request.headers['x-api-key']) },
    });
    response.writeHead(reply.status, { 'Content-Type': 'application/json' });
    response.end(await reply.text());
  });
  return {
    ...server,
    /** Lets so many requests pass; resolves when the next has come. */
    async letPass(requests: number): Promise<void> {
      left = requests;
      await new Promise<void>((resolve) => {
        closed = resolve;
      });
    },
    open() {
      left = Infinity;
    },
  };
}

/** All that an installation shows: tasks, the list of runs, and each run that no task shows with all of its fields. */
export async function contentsOf(client: Client) {
  const tasks = [];
  for await (const page of pagesOf(listTasks, { client, query: {} })) tasks.push(...page.tasks);
  const listed = [];
  for await (const page of pagesOf(listRuns, { client, query: {} })) listed.push(...page.runs);
  const shown = new Set(tasks.flatMap(({ recent_runs }) => recent_runs.map(({ id }) => id)));
  const others = [];
  for (const { id } of listed) {
    if (shown.has(id)) continue;
    const { data } = await listRuns({ client, throwOnError: true, query: { runId: id } });
    others.push(...data.runs);
  }
  return { tasks, listed, others };
}

interface Scripted {
  /** What GET /api/tasks lists, whatever its parameters. */
  tasks: object[];
  /** What GET /api/tasks/runs lists for an account. */
  runs: (account: string | null) => object[];
  /** What it gives by id. */
  run: (id: string) => object | undefined;
  /** Replies that come in place of the next ones, by the number of the request. */
  instead: Record<number, { status: number; headers?: Record<string, string> }>;
}

/** The original's API as far as an import needs it: no pages, its own errors, its own fields. */
export async function scriptedOriginal(given: Partial<Scripted> = {}) {
  const script: Scripted = { tasks: [], runs: () => [], run: () => undefined, instead: {}, ...given };
  const requests: string[] = [];
  const inFlight = { now: 0, most: 0 };
  const server = await serve(async (request, response) => {
    const number = requests.push(`${request.url}`);
    inFlight.now += 1;
    inFlight.most = Math.max(inFlight.most, inFlight.now);
    const url = new URL(`${request.url}`, 'http://original');
    // Long enough that another request arrives. The first reads of a run wait for each other, however slow the machine is.
    await setTimeout(5);
    for (let waits = 0; url.searchParams.has('runId') && inFlight.most < 2 && waits < 400; waits += 1)
      await setTimeout(5);
    const { status = 200, headers } = script.instead[number] ?? {};
    const { body, code } = replyTo(url, script, status);
    inFlight.now -= 1;
    response.writeHead(code, { 'Content-Type': 'application/json; charset=utf-8', ...headers });
    response.end(JSON.stringify(body));
  });
  return { ...server, script, requests, inFlight };
}

function replyTo({ pathname, searchParams }: URL, { tasks, runs, run }: Scripted, status: number) {
  if (status !== 200) return { code: status, body: { status: 'error', error: 'Something went wrong' } };
  if (pathname === '/api/tasks') return { code: 200, body: { status: 'success', tasks } };
  const runId = searchParams.get('runId');
  if (runId === null)
    return { code: 200, body: { status: 'success', runs: runs(searchParams.get('account_id')) } };
  const found = run(runId);
  if (!found) return { code: 404, body: { status: 'error', runs: [], error: 'Run not found' } };
  return { code: 200, body: { status: 'success', runs: [found] } };
}
