import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { serveMetrics } from '../../src/http/observe/metrics-app.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { ACCOUNT, task } from '../support/builders.ts';
import { killAll, runService } from '../support/process.ts';
import {
  NOW,
  type Service,
  limitsWith,
  memoryLog,
  openTestDatabase,
  startService,
} from '../support/service.ts';
import { startProxy } from '../support/proxy.ts';

afterAll(killAll);

/** The value of a sample, named as Prometheus writes it; undefined where there is none. */
async function sample(metrics: Metrics, name: string): Promise<number | undefined> {
  const { body } = await metrics.text();
  const line = body.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

describe('of requests', () => {
  let metrics: Metrics;
  let service: Service;
  let key: string;

  beforeEach(async () => {
    metrics = new Metrics();
    service = await startService('required', { metrics });
    ({ key } = await service.keys.create({ name: 'x', accountId: ACCOUNT }, NOW));
    await service.collections.tasks.insertMany([task(1), task(2)]);
  });
  afterEach(() => service.close());

  /** A request, and the moment after its reply in which the service notes that it has gone out. */
  async function ask(path: string, init: RequestInit = {}) {
    await service.request(path, { headers: { 'x-api-key': key }, ...init });
    while ((await sample(metrics, 'http_requests_in_flight')) !== 0) await setImmediate();
  }
  const count = (operation: string, status: number | string) =>
    sample(metrics, `http_request_duration_seconds_count{operation="${operation}",status="${status}"}`);

  test('are counted and timed by operation and status', async () => {
    await ask('/api/tasks?limit=1');
    await ask('/api/tasks', { method: 'HEAD' });
    await ask('/api/tasks?limit=0');
    await ask('/api/tasks/runs');
    expect(await count('listTasks', 200)).toBe(2);
    expect(await count('listTasks', 400)).toBe(1);
    expect(await count('listRuns', 200)).toBe(1);
    const { body } = await metrics.text();
    expect(body).toContain(
      'http_request_duration_seconds_bucket{le="0.005",operation="listTasks",status="200"}',
    );
    expect(await sample(metrics, 'http_requests_in_flight')).toBe(0);
  });

  test('errors are counted by operation and code', async () => {
    await ask('/api/tasks?limit=0');
    await ask('/api/tasks', { headers: {} });
    expect(await sample(metrics, 'http_errors_total{operation="listTasks",code="invalid_parameter"}')).toBe(
      1,
    );
    expect(await sample(metrics, 'http_errors_total{operation="listTasks",code="missing_credentials"}')).toBe(
      1,
    );
  });

  test('no label takes what a caller makes up', async () => {
    for (let number = 0; number < 20; number += 1) await ask(`/made-up-${number}`);
    await ask('/api/tasks', { method: 'PUT' });
    expect(await count('none', 404)).toBe(20);
    expect(await count('none', 405)).toBe(1);
    expect((await metrics.text()).body).not.toContain('made-up');
  });

  test('those in flight are there while they are, and those that broke off are told apart', async () => {
    const { findOne } = service.collections.api_keys;
    let reached = () => {};
    let release = () => {};
    const isReached = new Promise<void>((resolve) => (reached = resolve));
    const isReleased = new Promise<void>((resolve) => (release = resolve));
    service.collections.api_keys.findOne = async () => {
      reached();
      await isReleased;
      return null;
    };
    const socket = connect(service.port, '127.0.0.1');
    socket.write('GET /api/tasks HTTP/1.1\r\nHost: x\r\nx-api-key: y\r\n\r\n');
    await isReached;
    expect(await sample(metrics, 'http_requests_in_flight')).toBe(1);
    socket.destroy();
    while ((await sample(metrics, 'http_requests_in_flight')) !== 0) await setImmediate();
    release();
    service.collections.api_keys.findOne = findOne;
    expect(await count('listTasks', 'aborted')).toBe(1);
  });

  test('the caches tell of themselves', async () => {
    await ask('/api/tasks');
    await ask('/api/tasks');
    expect(await sample(metrics, 'cache_requests_total{cache="keys",result="miss"}')).toBe(1);
    expect(await sample(metrics, 'cache_requests_total{cache="keys",result="hit"}')).toBe(1);
    expect(await sample(metrics, 'cache_entries{cache="keys"}')).toBe(1);
    metrics.watchCache('parts', () => ({ hits: 5, misses: 2, entries: 1, bytes: 300 }));
    expect(await sample(metrics, 'cache_bytes{cache="parts"}')).toBe(300);
    expect(await sample(metrics, 'cache_requests_total{cache="parts",result="hit"}')).toBe(5);
  });

  test('the process and its event loop are measured', async () => {
    const { body, contentType } = await metrics.text();
    expect(contentType).toContain('text/plain; version=0.0.4');
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_p99_seconds',
    ])
      expect(body).toMatch(new RegExp(`^${name} `, 'm'));
  });

  test('the commands to the database are measured, and its connections', async () => {
    await ask('/api/tasks?limit=1');
    // The key's last use is written in the background.
    while (
      !service.commands.started.some(({ commandName }) => commandName === 'update') ||
      (await sample(metrics, 'mongodb_connections_in_use')) !== 0
    )
      await setImmediate();
    const before = (await sample(metrics, 'mongodb_command_duration_seconds_count')) ?? 0;
    service.commands.started.length = 0;
    await ask('/api/tasks?limit=1');
    const sent = service.commands.started.length;
    expect(sent).toBeGreaterThan(0);
    expect(await sample(metrics, 'mongodb_command_duration_seconds_count')).toBe(before + sent);
    expect(await sample(metrics, 'mongodb_connection_wait_seconds_count')).toBe(before + sent);
    expect(await sample(metrics, 'mongodb_connections')).toBeGreaterThan(0);
    expect(await sample(metrics, 'mongodb_connections_in_use')).toBe(0);
    expect(await sample(metrics, 'mongodb_up')).toBe(1);
  });
});

test('a database that is gone is down, and up when it is back', async () => {
  const direct = await openTestDatabase();
  const proxy = await startProxy(direct.uri);
  const metrics = new Metrics();
  const { MongoClient } = await import('mongodb');
  const client = new MongoClient(proxy.uri, { serverSelectionTimeoutMS: 2_000, heartbeatFrequencyMS: 500 });
  metrics.watchDriver(client);
  const ping = () => client.db('x').command({ ping: 1 });
  try {
    await ping();
    expect(await sample(metrics, 'mongodb_up')).toBe(1);
    proxy.cut();
    await expect(ping()).rejects.toThrow();
    expect(await sample(metrics, 'mongodb_up')).toBe(0);
    proxy.restore();
    await ping();
    expect(await sample(metrics, 'mongodb_up')).toBe(1);
  } finally {
    await client.close();
    await proxy.close();
    await direct.close();
  }
});

test('metrics that cannot be collected are a reply 500, and the log has the cause once', async () => {
  const { lines, log } = memoryLog();
  const metrics = new Metrics();
  metrics.watchCache('broken', () => {
    throw new Error('The cache is broken.');
  });
  const address = { port: 0, host: '127.0.0.1', reachable: false };
  const close = await serveMetrics(metrics, address, { log, limits: limitsWith() });
  try {
    const response = await fetch(String(lines[0]?.metrics));
    expect([response.status, await response.text()]).toEqual([500, 'Failed to collect the metrics.']);
    const failures = lines.filter(({ err }) => err !== undefined);
    expect(failures).toMatchObject([{ level: 50, err: { message: 'The cache is broken.' } }]);
  } finally {
    await close();
  }
});

describe('/metrics of a process', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'recoup-metrics-'));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  test('is on a port of its own, of this machine alone, and not on that of the API', async () => {
    const service = await runService({ DATA_DIR: dataDir, METRICS_PORT: '0' });
    const log = await service.printed('"msg":"serving metrics"');
    const url = /"metrics":"(http:\/\/127\.0\.0\.1:\d+\/metrics)"/.exec(log)?.[1] ?? '';
    await (await fetch(`${service.url}/api/tasks?limit=1`)).text();
    // The reply is noted a moment after it has gone out.
    while (!(await (await fetch(url)).text()).includes('http_requests_in_flight 0')) await setImmediate();
    const response = await fetch(url);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('version=0.0.4');
    expect(await response.text()).toContain(
      'http_request_duration_seconds_count{operation="listTasks",status="200"} 1',
    );
    expect((await fetch(`${service.url}/metrics`)).status).toBe(404);
    expect((await fetch(new URL('/api/tasks', url))).status).toBe(404);
    const { port } = new URL(url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('GET /metrics HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1.1 403/);
    service.kill('SIGTERM');
    expect(await service.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('is nowhere by default', async () => {
    const service = await runService({ DATA_DIR: dataDir });
    expect((await fetch(`${service.url}/metrics`)).status).toBe(404);
    service.kill('SIGTERM');
    expect((await service.ended).stdout).not.toContain('"msg":"serving metrics"');
  });
});
