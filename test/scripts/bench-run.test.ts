import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Report } from '../../scripts/bench/report.ts';
import { killAll, run } from '../support/process.ts';

const TIMEOUT_MS = 180_000;
const environment = { MONGODB_URI: process.env.MONGODB_URI ?? '' };

let folder: string;
let foldersBefore: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bench-test-'));
  foldersBefore = await benchFolders();
});

afterAll(async () => {
  killAll();
  await rm(folder, { recursive: true });
});

const benchFolders = async () => (await readdir('dist')).filter((name) => name.startsWith('bench-'));
/** Of the benches here: another may be running. */
const foldersLeft = async () => (await benchFolders()).filter((name) => !foldersBefore.includes(name));

describe('npm run bench', () => {
  it(
    'prints the figures to reach beside the measured ones, and writes what the chart is drawn from',
    async () => {
      const json = join(folder, 'bench.json');
      const only = 'listing,one-task,gzip,start';
      const bench = await run('scripts/bench/main.js', environment, [
        '--quick',
        '--only',
        only,
        '--json',
        json,
      ]).ended;
      expect(bench).toMatchObject({ code: 0, stderr: '' });
      expect(await foldersLeft()).toEqual([]);

      const report: Report = JSON.parse(await readFile(json, 'utf8'));
      expect(report.environment).toMatchObject({
        node: process.version,
        date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        cores: expect.any(Number),
        cpu: expect.any(String),
      });
      const figures = report.rows.map(({ part, measure }) => `${part}: ${measure}`);
      expect(figures).toEqual([
        ...['listing', 'listing, one caller', 'listing, same URL'].flatMap((part) => [
          `${part}: CPU per request of (a)`,
          `${part}: requests/s of (a)`,
          `${part}: CPU per request of (a)`,
          `${part}: requests/s of (a)`,
        ]),
        'one-task: requests/s of (a)',
        ...Array.from({ length: 3 }, () => [
          'gzip: bytes of gzip -6 over the whole',
          'gzip: CPU of plain and gzip -6, warm',
          'gzip: CPU of plain and gzip -6, nothing cached',
        ]).flat(),
        'start: over node itself',
      ]);
      for (const row of report.rows) {
        expect(row.measured?.median).toBeGreaterThan(0);
        expect(row.measured?.min).toBeLessThanOrEqual(row.measured?.max ?? 0);
        expect(bench.stdout).toContain(`| ${row.work}`);
      }
      expect(bench.stdout).toContain('the figures mean nothing');
      expect(report.variants.map(({ name }) => name)).toEqual([
        ...['4 callers, own tasks', 'one caller', '4 callers, same URL'].flatMap((callers) => [
          `service, ${callers}`,
          `service, CACHE_MB=0, ${callers}`,
          `(a) express, ${callers}`,
        ]),
        'service, one task, with a key',
        '(a) express, one task',
        ...['without runs', '× 5 runs', '× 5 runs of 10 kB'].flatMap((shape) => [
          `service, ${shape}, gzip`,
          `service, ${shape}, plain`,
          `service, CACHE_MB=0, ${shape}, gzip`,
          `service, CACHE_MB=0, ${shape}, plain`,
          `(c) gzip -6 of a prebuilt buffer, ${shape}`,
        ]),
      ]);
      for (const variant of report.variants) {
        for (const quantity of [
          'requestsPerSecond',
          'megabytesPerSecond',
          'cpuMsPerRequest',
          'p99Ms',
        ] as const)
          expect(variant[quantity].median).toBeGreaterThan(0);
        expect(variant.peakMebibytes.median).toBeGreaterThan(10);
      }

      const svg = join(folder, 'bench.svg');
      expect(await run('scripts/bench/chart.js', {}, [json, svg]).ended).toMatchObject({
        code: 0,
        stderr: '',
      });
      const drawn = await readFile(svg, 'utf8');
      for (const { name } of report.variants.slice(0, 3)) expect(drawn).toContain(`>${name}</text>`);
      expect(drawn.match(/<rect/g)).toHaveLength(2 * 3);
    },
    TIMEOUT_MS,
  );

  it.each([
    ['title', /\(a\) express: it replies otherwise than the service, at "\.tasks\.0\.title"/],
    ['later', /\(a\) express: GET .*: expected status 200, got 500/],
    ['shorter', /\(a\) express: GET .*: expected \d{4,} bytes, got 31\b/],
    ['cut', /\(a\) express: GET .*: the connection was closed before the reply was complete/],
  ])(
    'fails where a variant replies wrongly: %s',
    async (kind, problem) => {
      const preload = `${pathToFileURL(resolve('test/support/wrong-replies.mjs')).href}?${kind}`;
      const bench = await run(
        'scripts/bench/main.js',
        { ...environment, NODE_OPTIONS: `--import=${preload}` },
        ['--quick', '--only', 'not-modified'],
      ).ended;
      expect(bench.stderr).toMatch(problem);
      expect(bench.code).toBe(1);
      expect(bench.stdout).not.toContain('figure to reach');
      expect(await foldersLeft()).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    'deletes its databases and ends its processes when it is interrupted',
    async () => {
      const bench = run('scripts/bench/main.js', environment, ['--quick', '--only', 'not-modified']);
      await bench.printed('Measuring');
      bench.kill('SIGINT');
      const { code, stderr } = await bench.ended;
      expect(stderr).toBe('bench: Interrupted by SIGINT.\n');
      expect(code).toBe(1);
      expect(await foldersLeft()).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
