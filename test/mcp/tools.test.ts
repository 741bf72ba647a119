/**
 * Each tool against the HTTP call that it stands for, in both protocol eras: with valid arguments, with wrong ones, and
 * with the ids of another account. The arguments are made from the schemas of the tools.
 */
import type { Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { type McpTool, mcpTools } from '../../generated/mcp-tools.gen.ts';
import { loadSpec } from '../../src/http/request/spec.ts';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT, run, unseenTask, uuid } from '../support/builders.ts';
import { at, isObject, type JsonObject } from '../support/json.ts';
import { type Era, connectMcp } from '../support/mcp.ts';
import { liveEngine } from '../support/queue.ts';
import { operationOf, send } from '../support/requests.ts';
import { list, valueOf, wrongValues } from '../support/schema-values.ts';
import { NOW, type Service, startService } from '../support/service.ts';

const { document } = loadSpec();
const NAMES = [
  'get_tasks',
  'create_task',
  'update_task',
  'delete_task',
  'get_task_run_status',
  'list_runs',
  'run_task',
  'cancel_run',
  'list_occurrences',
  'preview_schedule',
];
const ERA_NAMES: Era[] = ['current', 'previous'];
/** Valid calls of each tool beside the shortest one. */
const SAMPLES = 3;
const TITLE = 'Of one account alone';

/** Ids that exist, where a schema can only say what ids look like. */
const EXISTING: JsonObject = {
  id: uuid(1),
  task_id: uuid(1),
  runId: 'run_000001',
  account_id: ACCOUNT,
  artist_account_id: ARTIST,
};

let service: Service;
const keys = { own: '', foreign: '' };
type Caller = keyof typeof keys;
const clients = new Map<string, Client>();

beforeAll(async () => {
  service = await startService('required');
  await service.collections.accounts.insertMany([{ _id: ACCOUNT }, { _id: OTHER_ACCOUNT }]);
  await liveEngine(service.collections);
  keys.own = (await service.keys.create({ name: 'own', accountId: ACCOUNT }, NOW)).key;
  keys.foreign = (await service.keys.create({ name: 'foreign', accountId: OTHER_ACCOUNT }, NOW)).key;
  for (const era of ERA_NAMES) {
    for (const caller of ['own', 'foreign'] as const) {
      clients.set(`${era} ${caller}`, await connectMcp(service.url, keys[caller], era));
    }
  }
});
afterAll(async () => {
  for (const client of clients.values()) await client.close();
  await service.close();
});

async function reset() {
  const { tasks, runs, run_queue } = service.collections;
  await Promise.all([tasks, runs, run_queue].map((one) => one.deleteMany({})));
  await tasks.insertMany([unseenTask(1, { title: TITLE }), unseenTask(2)]);
  await service.runs.recordRuns(uuid(1), [run(1, { output: { summary: 'Done.' } }), run(2)]);
}

async function everything() {
  const { tasks, runs, run_queue, idempotency_keys } = service.collections;
  return Promise.all([tasks, runs, run_queue, idempotency_keys].map((one) => one.find().toArray()));
}

const callTool = (era: Era, caller: Caller, name: string, args: JsonObject) => {
  const client = clients.get(`${era} ${caller}`);
  if (!client) throw new Error(`No client for ${era} ${caller}.`);
  return client.callTool({ name, arguments: args });
};

/** The HTTP call with the same parameters, and with the defaults of the tool. */
async function callHttp({ definition, method, path }: McpTool, caller: Caller, args: JsonObject) {
  const { parameters } = operationOf(document, method.toLowerCase(), path);
  const properties = definition.inputSchema.properties ?? {};
  const defaults = Object.entries(properties).flatMap(([name, schema]) =>
    method === 'GET' && isObject(schema) && 'default' in schema ? [[name, schema.default]] : [],
  );
  const all = Object.entries({ ...Object.fromEntries(defaults), ...args });
  const isQuery = (name: string) => parameters.some((one) => one.in === 'query' && one.name === name);
  const { idempotency_key } = args;
  const response = await send(service.request, {
    method,
    path,
    query: all.flatMap(([name, value]) => (isQuery(name) ? [[name, String(value)]] : [])),
    headers: {
      'x-api-key': keys[caller],
      ...(idempotency_key !== undefined && { 'Idempotency-Key': String(idempotency_key) }),
    },
    ...(method !== 'GET' && { body: Object.fromEntries(all.filter(([name]) => name !== 'idempotency_key')) }),
  });
  return { status: response.status, body: await response.json() };
}

type Outcome = Awaited<ReturnType<typeof callTool>>;
const firstText = ({ content }: Outcome) => at(content[0], 'text');

/** A tool's result and the HTTP reply are the same. */
function expectSame(result: Outcome, { status, body }: Awaited<ReturnType<typeof callHttp>>) {
  if (status === 200) {
    expect(result).not.toHaveProperty('isError', true);
    expect(result.structuredContent).toEqual(body);
    expect(firstText(result)).toBe(JSON.stringify(result.structuredContent));
  } else {
    expect([result.isError, firstText(result)]).toEqual([true, body.error]);
    expect(at(JSON.parse(String(at(result.content[1], 'text'))), 'code')).toBe(body.code);
  }
}

/** Calls the tool, then HTTP, with the same arguments and from the same state. */
async function compare(era: Era, caller: Caller, tool: McpTool, args: JsonObject) {
  await reset();
  const result = await callTool(era, caller, tool.definition.name, args);
  if (tool.method === 'DELETE') await reset();
  const reply = await callHttp(tool, caller, args);
  expectSame(result, reply);
  return { result, reply };
}

/** Arguments with ids that exist, and a key that makes the second of two equal calls return the result of the first. */
function usable({ definition, headers }: McpTool, { cursor: _cursor, ...args }: JsonObject): JsonObject {
  const existing = Object.entries(EXISTING).filter(([name]) => name in args);
  const key = 'idempotency_key' in headers ? { idempotency_key: crypto.randomUUID() } : {};
  return { ...args, ...Object.fromEntries(existing), ...(definition.inputSchema.properties && key) };
}

function shortest(tool: McpTool): JsonObject {
  const required = tool.definition.inputSchema.required ?? [];
  const [args] = fc.sample(valueOf(document, tool.definition.inputSchema), { numRuns: 1, seed: 1 });
  const named = Object.entries(isObject(args) ? args : {}).filter(([name]) => required.includes(name));
  const change = tool.operationId === 'updateTask' ? { enabled: false } : {};
  return usable(tool, { ...Object.fromEntries(named), ...change });
}

const ajv = addFormats.default(new Ajv2020.default({ strict: true, strictTypes: false, allErrors: true }));

test('there are ten tools, in this order', () => {
  expect(mcpTools.map(({ definition }) => definition.name)).toEqual(NAMES);
});

describe.each(ERA_NAMES)('with the %s protocol', (era) => {
  test('all tools are listed as they were generated', async () => {
    const { tools } = (await clients.get(`${era} own`)?.listTools()) ?? {};
    expect(tools).toEqual(JSON.parse(JSON.stringify(mcpTools.map(({ definition }) => definition))));
  });

  describe.each(mcpTools.map((tool) => [tool.definition.name, tool] as const))('%s', (name, tool) => {
    const { inputSchema, outputSchema = { type: 'object' } } = tool.definition;
    const validate = ajv.compile(outputSchema);

    test('with valid arguments does what the HTTP call does', async () => {
      const first = await compare(era, 'own', tool, shortest(tool));
      expect(first.reply).toMatchObject({ status: 200, body: { status: 'success' } });
      validate(first.result.structuredContent);
      expect(validate.errors).toBeNull();
      const accepted = ajv.compile(inputSchema);
      for (const args of fc.sample(valueOf(document, inputSchema), { numRuns: SAMPLES, seed: 7 })) {
        const chosen = usable(tool, isObject(args) ? args : {});
        accepted(chosen);
        expect(accepted.errors).toBeNull();
        await compare(era, 'own', tool, chosen);
      }
    });

    test('with wrong arguments says what the HTTP call says, and changes nothing', async () => {
      await reset();
      const before = await everything();
      const base = shortest(tool);
      const faults = Object.entries(inputSchema.properties ?? {}).flatMap(([argument, schema]) =>
        wrongValues(document, schema)
          // The other era has shown the rest: both pass through the same code.
          .slice(0, era === 'current' ? undefined : 1)
          .map(([, value]) => ({ argument, value })),
      );
      for (const { argument, value } of faults) {
        const args = { ...base, [argument]: value };
        const result = await callTool(era, 'own', name, args);
        const inBody = tool.method !== 'GET' && argument !== 'idempotency_key';
        const isText = typeof value === 'string' && !/[\p{Surrogate}\0]/u.test(value);
        const isScalar = ['number', 'boolean'].includes(typeof value) && argument !== 'idempotency_key';
        if (inBody || isText || isScalar) expectSame(result, await callHttp(tool, 'own', args));
        else expect({ argument, value, error: result.isError }).toEqual({ argument, value, error: true });
      }
      for (const required of list(inputSchema.required).map(String)) {
        const { [required]: _left, ...args } = base;
        const result = await callTool(era, 'own', name, args);
        expect(result.isError).toBe(true);
        if (tool.required.includes(required)) {
          expect(firstText(result)).toBe(`Argument "${required}" is missing.`);
        } else expectSame(result, await callHttp(tool, 'own', args));
      }
      const unknown = await callTool(era, 'own', name, { ...base, surprise: 1 });
      expect(unknown.isError).toBe(true);
      expect(firstText(unknown)).toContain('"surprise"');
      expect(await everything()).toEqual(before);
    });

    test('with ids of another account does what the HTTP call does, and neither shows nor changes anything', async () => {
      await reset();
      const before = await everything();
      const { account_id: _account, idempotency_key: _key, ...base } = shortest(tool);
      const known = Object.keys(inputSchema.properties ?? {});
      const owned = ['id', 'task_id', 'runId', 'account_id'].filter((argument) => known.includes(argument));
      for (const argument of owned) {
        const args = { ...base, [argument]: EXISTING[argument] };
        const result = await callTool(era, 'foreign', name, args);
        expectSame(result, await callHttp(tool, 'foreign', args));
        expect(JSON.stringify(result)).not.toContain(TITLE);
        const found = ['tasks', 'runs', 'occurrences'].flatMap((field) =>
          list(at(result.structuredContent, field)),
        );
        expect(found).toEqual([]);
      }
      expect(await everything()).toEqual(before);
    });
  });
});
