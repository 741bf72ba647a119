import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ACCOUNT, ARTIST, uuid } from '../support/builders.ts';
import { startCollector } from '../support/collector.ts';
import { killAll, run, runService } from '../support/process.ts';

const SERVER = 2;
const CLIENT = 3;
const ERROR = 2;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';

let dataDir: string;
let collector: Awaited<ReturnType<typeof startCollector>>;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'recoup-traces-'));
  collector = await startCollector();
});
afterEach(async () => {
  collector.close();
  await rm(dataDir, { recursive: true, force: true });
});
afterAll(killAll);

const tracing = (url: string) => ({
  DATA_DIR: dataDir,
  SAMPLE_DATA: 'off',
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
});

/** Asks a process that traces, ends it, and returns what its collector was sent. */
async function spansOf(ask: (url: string) => Promise<unknown>, environment: Record<string, string> = {}) {
  const service = await runService({ ...tracing(collector.url), ...environment });
  await ask(service.url);
  service.kill('SIGTERM');
  expect(await service.ended).toMatchObject({ code: 0, stderr: '' });
  return collector.spans;
}

const read = async (url: string, init: RequestInit = {}) => (await fetch(url, init)).text();

describe('a trace', () => {
  test('has a span of each request, named after its operation, with its request id and status', async () => {
    const spans = await spansOf(async (url) => {
      await read(`${url}/api/tasks?limit=1`, { headers: { 'x-request-id': 'first' } });
      await read(`${url}/api/tasks?limit=0`, { headers: { 'x-request-id': 'second' } });
      await read(`${url}/nothing`);
    });
    const served = spans.filter(({ kind }) => kind === SERVER);
    expect(served.map(({ name, attributes }) => ({ name, attributes }))).toMatchObject([
      {
        name: 'GET /api/tasks',
        attributes: {
          'openapi.operation_id': 'listTasks',
          'http.route': '/api/tasks',
          'recoup.request_id': 'first',
          'http.response.status_code': 200,
        },
      },
      {
        name: 'GET /api/tasks',
        attributes: {
          'recoup.request_id': 'second',
          'http.response.status_code': 400,
          'error.type': 'invalid_parameter',
        },
      },
      { name: 'GET', attributes: { 'http.response.status_code': 404 } },
    ]);
    expect(served.map(({ status }) => status)).not.toContain(ERROR);
    expect(collector.resources[0]).toMatchObject({ 'service.name': 'recoup-tasks' });
  });

  test('has a span of each command to the database, below the request that sent it', async () => {
    const spans = await spansOf((url) => read(`${url}/api/tasks?limit=1`));
    const request = spans.find(({ kind }) => kind === SERVER);
    const commands = spans.filter(({ kind }) => kind === CLIENT);
    expect(commands.map(({ name }) => name)).toContain('find tasks');
    for (const { traceId, parentSpanId, attributes } of commands) {
      expect([traceId, parentSpanId]).toEqual([request?.traceId, request?.spanId]);
      expect(attributes).toMatchObject({ 'db.system.name': 'mongodb', 'db.namespace': 'recoup' });
    }
  });

  test("continues its caller's, and keeps requests that are served at the same time apart", async () => {
    const spans = await spansOf(async (url) => {
      const one = read(`${url}/api/tasks?limit=1`, { headers: { traceparent: `00-${TRACE}-${CALLER}-01` } });
      // Each asks for another page: equal questions would share their commands.
      const others = Array.from({ length: 20 }, (_, at) => read(`${url}/api/tasks?limit=${at + 2}`));
      await Promise.all([one, ...others]);
    });
    const served = spans.filter(({ kind }) => kind === SERVER);
    expect(served).toHaveLength(21);
    expect(new Set(served.map(({ traceId }) => traceId)).size).toBe(21);
    expect(served.filter(({ traceId }) => traceId === TRACE)).toMatchObject([{ parentSpanId: CALLER }]);
    const byRequest = served.map(
      ({ spanId }) => spans.filter(({ parentSpanId }) => parentSpanId === spanId).length,
    );
    // The database is empty: the versions of its tasks are all that there is to ask.
    expect(byRequest).toEqual(served.map(() => 1));
  });

  test('has no query, header or body in it', async () => {
    const seed = 'seeded-7f3a9c';
    await spansOf(async (url) => {
      await read(`${url}/api/tasks?id=${uuid(1)}&account_id=${seed}`);
      await read(`${url}/${seed}?x=1`);
      await read(`${url}/api/tasks?account_id=${uuid(77)}`, { headers: { 'x-api-key': seed, Cookie: seed } });
      const task = {
        title: seed,
        prompt: seed,
        schedule: '0 9 * * 4',
        account_id: ACCOUNT,
        artist_account_id: ARTIST,
      };
      const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': seed };
      await read(`${url}/api/tasks`, { method: 'POST', headers, body: JSON.stringify(task) });
    });
    expect(collector.spans.filter(({ kind }) => kind === SERVER)).toHaveLength(4);
    expect(collector.spans.map(({ name }) => name)).toContain('insert tasks');
    expect(collector.bodies.join('')).not.toContain(seed);
    expect(collector.bodies.join('')).not.toContain(uuid(77));
  });

  test('goes to another service by the name that OTEL_SERVICE_NAME gives, and nowhere with OTEL_SDK_DISABLED', async () => {
    await spansOf((url) => read(`${url}/api/tasks?limit=1`), { OTEL_SERVICE_NAME: 'eu-tasks' });
    expect(collector.resources[0]).toMatchObject({ 'service.name': 'eu-tasks' });
    collector.bodies.length = 0;
    await spansOf((url) => read(`${url}/api/tasks?limit=1`), { OTEL_SDK_DISABLED: 'true' });
    expect(collector.bodies).toEqual([]);
  });
});

describe('a collector', () => {
  test('that is not there is told of once, and does not matter to anybody', async () => {
    collector.close();
    const service = await runService({ ...tracing(collector.url), OTEL_BSP_SCHEDULE_DELAY: '20' });
    for (const attempt of [1, 2, 3]) {
      expect(await read(`${service.url}/api/tasks?limit=${attempt}`)).toContain('success');
    }
    service.kill('SIGTERM');
    const { code, stdout } = await service.ended;
    expect(code).toBe(0);
    expect(stdout.match(/failed to export traces/g)).toHaveLength(1);
  });

  test('that takes no spans does not make the end of the process fail', async () => {
    collector.close();
    collector = await startCollector({ silent: true });
    const service = await runService(tracing(collector.url));
    await read(`${service.url}/api/tasks?limit=1`);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, signal: null });
    expect(collector.bodies).toHaveLength(1);
  });
});

describe('what a process loads', () => {
  /** Every script that it ran, as node's own coverage lists them. */
  async function scriptsOf(environment: Record<string, string>) {
    const coverage = join(dataDir, 'coverage');
    const service = await runService({ DATA_DIR: dataDir, NODE_V8_COVERAGE: coverage, ...environment });
    await read(`${service.url}/api/tasks?limit=1`);
    service.kill('SIGTERM');
    await service.ended;
    const files = await readdir(coverage);
    const reports = await Promise.all(files.map((file) => readFile(join(coverage, file), 'utf8')));
    await rm(coverage, { recursive: true });
    const urls = reports.flatMap((report) =>
      JSON.parse(report).result.map(({ url }: { url: string }) => url),
    );
    expect(urls.some((url) => url.includes('/dist/src/main.js'))).toBe(true);
    const modules = urls.map((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? '');
    return new Set(modules.filter((name) => name.startsWith('@opentelemetry') || name === 'prom-client'));
  }

  test('is nothing of OpenTelemetry or Prometheus, unless it is asked for them', async () => {
    expect([...(await scriptsOf({}))]).toEqual([]);
    // Nor is it in what always runs: esbuild names each module that it takes in.
    const bundle = await readFile('dist/src/main.js', 'utf8');
    expect(bundle).toContain('// node_modules/express/');
    expect(bundle).not.toMatch(/\/\/ node_modules\/(@opentelemetry|prom-client)\//);
    // Which loads OpenTelemetry's interface, for its exemplars.
    expect([...(await scriptsOf({ METRICS_PORT: '0' }))].toSorted()).toEqual([
      '@opentelemetry/api',
      'prom-client',
    ]);
    expect([...(await scriptsOf(tracing(collector.url)))]).toContain('@opentelemetry/sdk-trace-base');
  });
});

test('another protocol is refused at start, by name', async () => {
  const environment = { ...tracing(collector.url), OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', PORT: '0' };
  const { code, stderr } = await run('src/main.js', environment).ended;
  expect(code).toBe(1);
  expect(stderr).toContain('OTEL_EXPORTER_OTLP_PROTOCOL');
});
