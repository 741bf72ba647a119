/** Thirty seconds of npm run soak: all set-ups, with faults of every kind that fits in, and the audit. */
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, type RequestListener, createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { DelayWatch } from '../../../scripts/soak/delay-watch.ts';
import { FaultLog } from '../../../scripts/soak/fault-log.ts';
import { Figures } from '../../../scripts/soak/figures.ts';
import { Findings } from '../../../scripts/soak/findings.ts';
import { Sender } from '../../../scripts/soak/sender.ts';
import { growthOf } from '../../../scripts/soak/watch.ts';
import { killAll, run } from '../../support/process.ts';
import { listen } from '../../../src/http/server/listener.ts';

afterAll(killAll);

test('thirty seconds of load and faults: nothing is lost, wrong or hung', async () => {
  const soak = run('scripts/soak/main.js', { MONGODB_URI: process.env.MONGODB_URI ?? '' }, [
    '--minutes',
    '0.5',
  ]);
  const { code, stdout, stderr } = await soak.ended;
  // The whole output says what happened, and with which seed.
  if (code !== 0) throw new Error(stdout);
  expect(stderr).toBe('');
  const [, alone, pair, engine] = stdout.split('\n== ');
  for (const part of [alone, pair, engine]) {
    expect(part).toContain('\n0 lost, 0 wrong, 0 hung\n');
    expect(Number(/: ([\d,]+) requests/.exec(part ?? '')?.[1]?.replaceAll(',', ''))).toBeGreaterThan(100);
    expect(Number(/(\d+) faults survived/.exec(part ?? '')?.[1])).toBeGreaterThan(0);
    // Not only stalls.
    expect(part).toMatch(/\n(service|database) (killed|restarted|killed stalled) +[1-9]/);
    expect(part).toMatch(/own memory, which grew by -?\d/);
    expect(part).toMatch(/\nevent loops were delayed by at most \d+ ms, .*\([1-9]\d* measurements\)/);
  }
  expect(stdout).not.toContain('are kept in');
}, 240_000);

/** A service that answers like this, and the faults that it has; for as long as it is used. */
async function withFake(
  answer: RequestListener,
  use: (service: { url: string; faults: FaultLog }) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'recoup-fake-'));
  const faults = new FaultLog(directory);
  const server = createServer(answer);
  const url = await listen(server, 0, '127.0.0.1');
  try {
    await use({ url, faults });
  } finally {
    faults.stop();
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true });
  }
}

/** What the sender finds where a service answers like this. */
test('a reply that should not be is found: 500, hung, cut, not as published, one ETag for two bodies', async () => {
  const findings = new Findings();
  let replies = 0;
  const answer: RequestListener = (request, response) => {
    const json = (status: number, body: object) => {
      response.writeHead(status, {
        'Content-Type': 'application/json; charset=utf-8',
        'x-request-id': 'r',
        ETag: '"same"',
      });
      response.end(JSON.stringify(body));
    };
    const path = request.url ?? '';
    replies += 1;
    if (path.endsWith('?limit=1')) json(500, { status: 'error', error: 'x', code: 'internal_error' });
    else if (path.endsWith('?limit=2')) response.destroy();
    else if (path.endsWith('?limit=3')) json(200, { status: 'success', tasks: [{ id: 1 }] });
    else if (path.endsWith('?limit=4'))
      json(200, { status: 'success', tasks: [], ...(replies % 2 === 0 && { next_cursor: 'A' }) });
  };
  await withFake(answer, async ({ url, faults }) => {
    const sender = new Sender(faults, findings, new Figures());
    const endpoint = { name: 'service', url, agent: new Agent(), targets: ['service'] };
    const get = (limit: number) =>
      sender.get(endpoint, 'list page', `/api/tasks?limit=${limit}`, { conditional: false, gzip: false });
    for (const limit of [1, 2, 3, 4, 4, 5]) await get(limit);
    expect(findings.kept.map(({ severity, what }) => `${severity}: ${what}`)).toEqual([
      expect.stringContaining('wrong: service: GET /api/tasks?limit=1: GET /api/tasks 500 does not fit'),
      expect.stringMatching(/wrong: .*limit=1 was answered 500/),
      expect.stringMatching(/wrong: .*limit=2 was cut/),
      expect.stringMatching(/wrong: .*limit=3.* does not fit openapi.yaml/),
      expect.stringMatching(/wrong: .*limit=4 has the ETag "same" for two bodies/),
      expect.stringMatching(/hung: .*limit=5 was not answered/),
    ]);
  });
});

test.each([
  [20, 0, false],
  [250, 0, true],
  [250, 200, false],
])(
  'an event loop that is held up by %s ms again and again, of which it waits %s for a processor, is found: %s',
  async (heldUpMs, waitsMs, isTooMuch) => {
    const stopped = new AbortController();
    let looks = 0;
    const answer: RequestListener = (_request, response) => {
      looks += 1;
      // The first is of an unknown stretch, and in the last the process is broken.
      if (looks === 7) breakIt();
      response.end(`nodejs_eventloop_lag_max_seconds ${heldUpMs / 1_000}\n`);
    };
    let breakIt = () => {};
    await withFake(answer, async ({ url, faults }) => {
      breakIt = () => {
        faults.begin('stalled', ['service']);
        stopped.abort();
      };
      // The load on the machine must not extend the limit.
      Object.defineProperty(faults, 'slowness', { value: 1 });
      const delays = new DelayWatch(faults);
      const service = {
        name: 'service',
        pid: 1,
        metricsUrl: url,
        get waitedMs() {
          return looks * waitsMs;
        },
      };
      await delays.keepLooking(service, stopped.signal);
      expect([delays.looks, delays.longestMs(1), delays.isTooMuch]).toEqual([
        5,
        heldUpMs - waitsMs,
        isTooMuch,
      ]);
    });
  },
);

test.each([
  ['that stays', 300, () => 100, false],
  ['that comes and goes', 300, (at: number) => 100 + 20 * (at % 2), false],
  ['that has grown before', 300, (at: number) => Math.min(150, 50 + at), false],
  ['that goes on to grow', 300, (at: number) => 100 + at / 3, true],
  ['that grows fast, in a short time', 12, (at: number) => 100 + 15 * at, true],
])('memory %s is judged', (_what, samples, mebibytesAt, isTooMuch) => {
  expect(growthOf(Array.from({ length: samples }, (_, at) => mebibytesAt(at))).isTooMuch).toBe(isTooMuch);
});
