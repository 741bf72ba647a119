/** (b) Fastify and fast-json-stringify: the same reading as (a), serialised by a schema of the reply. */
import { once } from 'node:events';
import { fastify } from 'fastify';
import { type TaskQuery, readTasks } from './read-tasks.ts';
import { announce, openOwn } from './serve.ts';

const TEXT = { type: 'string' };
const OPTIONAL_TEXT = { type: ['string', 'null'] };
const INSTANT = { type: 'string', format: 'date-time' };
const OPTIONAL_INSTANT = { type: ['string', 'null'], format: 'date-time' };
const ANY = {};

const ERROR = {
  type: ['object', 'null'],
  properties: { message: TEXT, name: TEXT, stackTrace: TEXT },
};

const ATTEMPT = {
  type: 'object',
  properties: {
    id: TEXT,
    status: TEXT,
    createdAt: INSTANT,
    updatedAt: INSTANT,
    startedAt: OPTIONAL_INSTANT,
    completedAt: OPTIONAL_INSTANT,
    error: ERROR,
  },
};

const RUN = {
  type: 'object',
  properties: {
    id: TEXT,
    status: TEXT,
    taskIdentifier: TEXT,
    triggerFunction: TEXT,
    createdAt: INSTANT,
    updatedAt: INSTANT,
    startedAt: OPTIONAL_INSTANT,
    finishedAt: OPTIONAL_INSTANT,
    delayedUntil: OPTIONAL_INSTANT,
    expiredAt: OPTIONAL_INSTANT,
    ttl: ANY,
    idempotencyKey: OPTIONAL_TEXT,
    version: TEXT,
    isTest: { type: 'boolean' },
    tags: { type: 'array', items: TEXT },
    metadata: ANY,
    costInCents: { type: 'number' },
    baseCostInCents: { type: 'number' },
    durationMs: { type: 'number' },
    env: { type: 'object', properties: { id: TEXT, name: TEXT, user: OPTIONAL_TEXT } },
    depth: { type: 'integer' },
    batchId: OPTIONAL_TEXT,
    payload: ANY,
    output: ANY,
    error: ERROR,
    attempts: { type: 'array', items: ATTEMPT },
    schedule: ANY,
    relatedRuns: ANY,
  },
};

const TASK = {
  type: 'object',
  properties: {
    id: TEXT,
    title: TEXT,
    prompt: TEXT,
    schedule: TEXT,
    timezone: TEXT,
    account_id: TEXT,
    artist_account_id: TEXT,
    enabled: { type: ['boolean', 'null'] },
    trigger_schedule_id: OPTIONAL_TEXT,
    recent_runs: { type: 'array', items: RUN },
    upcoming: { type: 'array', items: INSTANT },
    owner_email: OPTIONAL_TEXT,
    model: OPTIONAL_TEXT,
  },
};

const REPLY = {
  type: 'object',
  properties: { status: TEXT, tasks: { type: 'array', items: TASK } },
};

const { collections, close } = await openOwn();
const app = fastify();

app.get<{ Querystring: TaskQuery }>(
  '/api/tasks',
  { schema: { response: { 200: REPLY } } },
  async (request) => ({
    status: 'success',
    tasks: await readTasks(collections, request.query),
  }),
);

announce(await app.listen({ port: 0, host: '127.0.0.1' }));
await once(process, 'SIGTERM');
await app.close();
await close();
