/**
 * Projects that use the package as others do: each is copied into a clean folder where only the packed tarball is
 * installed, compiled, and run against a service that was started by the tarball's own command. Part of
 * `npm run test:all`, because it installs packages.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import { isBuiltin } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { findChromium } from '../support/chromium.ts';
import { codeBlock } from '../support/documents.ts';
import { ERAS, connectMcp } from '../support/mcp.ts';
import { killAll, runProgram } from '../support/process.ts';

const execute = promisify(execFile);
const INSTALL_MS = 180_000;
const executablePath = findChromium('the tests of the client in a browser');

let folder: string;
let service: Awaited<ReturnType<typeof startInstalled>>;

const npm = (args: string[], cwd: string) => execute('npm', [...args, '--no-audit', '--no-fund'], { cwd });

/** The service, started by the command that the tarball installs. */
async function startInstalled() {
  const command = join(folder, 'node_modules', '.bin', 'recoup-tasks');
  const started = runProgram(command, [], { PORT: '0', DATA_DIR: join(folder, 'data') });
  const url = /"url":"([^"]+)"/.exec(await started.printed(/"msg":"listening"/))?.[1] ?? '';
  return { ...started, command, url };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recoup-consumers-'));
  // The build is there: npm run test:all made it.
  const { stdout } = await npm(
    ['pack', '--ignore-scripts', '--json', '--pack-destination', folder],
    process.cwd(),
  );
  const [{ filename }]: [{ filename: string }] = JSON.parse(stdout);
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  await npm(['install', '--ignore-scripts', `./${filename}`], folder);
  await cp(resolve('test/consumers'), folder, { recursive: true });
  service = await startInstalled();
}, INSTALL_MS);

afterAll(async () => {
  killAll();
  await rm(folder, { recursive: true, force: true });
});

/** What a program prints, as JSON. */
async function outputOf(file: string, node = process.execPath): Promise<unknown> {
  const env = { PATH: process.env.PATH, RECOUP_TASKS_URL: service.url };
  const { stdout } = await execute(node, [file], { cwd: folder, env });
  return JSON.parse(stdout);
}

const compile = (project: string) =>
  execute(process.execPath, [
    resolve('node_modules/typescript/bin/tsc'),
    '--project',
    join(folder, project),
    // The consumer's own node types, which the tarball does not bring.
    '--typeRoots',
    resolve('node_modules/@types'),
  ]);

const SAMPLES = 13;
const PAGE = '<!doctype html><title>loading</title><script type="module" src="/main.js"></script>';

describe('the tarball', () => {
  test('has the service, its commands, the client and the spec, and no tests or sources', async () => {
    const installed = join(folder, 'node_modules', 'recoup-tasks');
    expect((await readdir(installed)).toSorted()).toEqual([
      'LICENSE',
      'README.md',
      'dist',
      'docs',
      'generated',
      'openapi.yaml',
      'package.json',
      'src',
    ]);
    expect((await readdir(join(installed, 'dist'))).toSorted()).toEqual([
      'cjs',
      'generated',
      'page',
      'page.licenses.txt',
      'src',
    ]);
    expect((await readdir(join(installed, 'src'))).toSorted()).toEqual(['http', 'samples']);
    expect(await readdir(join(installed, 'src', 'http', 'pages'))).toEqual(['docs-page']);
  });

  test('has the service in one file, with the licenses of what is in it, and lmdb alone outside', async () => {
    const file = join(folder, 'node_modules', 'recoup-tasks', 'dist', 'src', 'main.js');
    const imported = (await readFile(file, 'utf8')).matchAll(/^import .*from "([^"]+)";$/gm);
    const packages = [...imported].map(([, name = '']) => name).filter((name) => !isBuiltin(name));
    expect([...new Set(packages)]).toEqual(['lmdb']);
    const licenses = await readFile(`${file}.licenses.txt`, 'utf8');
    expect(licenses).toMatch(/^mongodb [\d.]+\n+Apache License$/m);
    expect(licenses).toMatch(/^express [\d.]+\n+\(The MIT License\)$/m);
  });

  test('has a command that tells its version and how to use it, and refuses what it does not know', async () => {
    const { version }: { version: string } = JSON.parse(await readFile('package.json', 'utf8'));
    expect((await execute(service.command, ['--version'])).stdout).toBe(`${version}\n`);
    expect((await execute(service.command, ['--help'])).stdout).toContain('MONGODB_URI');
    const refused = await execute(service.command, ['--prot']).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--prot') });
  });

  test('has the commands of a clone, which find the database of the service that runs', async () => {
    const env = { PATH: process.env.PATH, DATA_DIR: join(folder, 'data') };
    const ask = (...args: string[]) => execute(service.command, args, { env });
    expect((await ask('keys', 'create', '--name', 'x', '--admin')).stdout).toMatch(/^[\w-]{28,}\n$/);
    expect((await ask('keys', 'list')).stdout).toContain('admin');
    expect((await ask('repair')).stdout).toContain('tasks, repaired 0');
    for (const name of ['backup', 'restore', 'migrate', 'seed', 'import', 'mcp']) {
      expect((await ask(name, '--help')).stdout).toContain('Usage');
    }
    const refused = await ask('keys', 'destroy').catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Pass one of the commands create'),
    });
  });

  test.each(['dist/src/client', 'dist/cjs/src/client'])(
    'has a client in %s that imports nothing of the server',
    async (place) => {
      const installed = join(folder, 'node_modules', 'recoup-tasks');
      const entry = join(installed, place, 'index.js');
      const { metafile } = await build({
        entryPoints: [entry],
        bundle: true,
        write: false,
        metafile: true,
        platform: 'browser',
      });
      const files = Object.keys(metafile.inputs).map((file) => resolve(file).slice(installed.length + 1));
      expect(files.filter((file) => !/^dist\/(cjs\/)?(src\/client|generated)\//.test(file))).toEqual([]);
      expect(files.filter((file) => file.includes('express'))).toEqual([]);
    },
  );
});

describe('an MCP client', () => {
  const get = { name: 'get_tasks', arguments: { limit: 1 } };

  test.each(['current', 'previous'] as const)(
    'with the %s protocol calls tools over HTTP and stdio',
    async (era) => {
      const env = { PATH: process.env.PATH ?? '', RECOUP_TASKS_URL: service.url };
      const overHttp = await connectMcp(service.url, undefined, era);
      const onStdio = new Client(
        { name: 'test', version: '1.0.0' },
        { versionNegotiation: { mode: ERAS[era] } },
      );
      await onStdio.connect(new StdioClientTransport({ command: service.command, args: ['mcp'], env }));
      const results = [];
      for (const client of [overHttp, onStdio]) {
        const { tools } = await client.listTools();
        results.push({ names: tools.map(({ name }) => name), tasks: await client.callTool(get) });
        await client.close();
      }
      expect(results[0]?.names).toHaveLength(10);
      expect(results[0]?.tasks.structuredContent).toMatchObject({ status: 'success', tasks: [{}] });
      expect(results[1]).toEqual(results[0]);
    },
  );

  test('on stdio that cannot reach the service gets an error that names it, and the command needs its address', async () => {
    const client = new Client({ name: 'test', version: '1.0.0' });
    const env = { PATH: process.env.PATH ?? '', RECOUP_TASKS_URL: 'http://127.0.0.1:9' };
    await client.connect(new StdioClientTransport({ command: service.command, args: ['mcp'], env }));
    const text = 'http://127.0.0.1:9 cannot be reached, or the connection was lost.';
    expect(await client.callTool(get)).toMatchObject({ isError: true, content: [{ text }, {}] });
    await client.close();
    const refused = await execute(service.command, ['mcp'], { env: { PATH: process.env.PATH } }).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('RECOUP_TASKS_URL must be') });
  });
});

describe('a consumer', () => {
  const listed = { first: 1, count: SAMPLES };
  const refused = { status: 400, code: 'invalid_parameter', isApiError: true };
  const typed = { statuses: true, count: SAMPLES };

  test('written as an ES module runs', async () => {
    expect(await outputOf('esm/main.mjs')).toEqual(listed);
  });

  test('written in CommonJS runs', async () => {
    expect(await outputOf('commonjs/main.cjs')).toEqual(refused);
  });

  test('in TypeScript with node resolution compiles and runs, and the program of docs/clients.md compiles', async () => {
    const program = await codeBlock('docs/clients.md', 'Walk through the API', 'ts');
    await writeFile(join(folder, 'nodenext', 'walk.ts'), program);
    await compile('nodenext');
    expect(await outputOf('nodenext/out/main.js')).toEqual(typed);
  });

  test('in TypeScript with bundler resolution compiles, is bundled and runs', async () => {
    await compile('bundler');
    const outfile = join(folder, 'bundler', 'out.mjs');
    await build({
      entryPoints: [join(folder, 'bundler', 'main.ts')],
      bundle: true,
      format: 'esm',
      platform: 'node',
      outfile,
    });
    expect(await outputOf(outfile)).toEqual(typed);
  });

  test(
    'with types of openapi-typescript compiles and reads the whole sample data',
    async () => {
      const home = join(folder, 'openapi-typescript');
      // It generates with TypeScript 5 alone, which is why it is no dependency of this package.
      const packages = ['openapi-typescript@7.13.0', 'openapi-fetch@0.17.0', 'typescript@5'];
      await npm(['install', '--prefix', home, '--ignore-scripts', ...packages], folder);
      const command = join(home, 'node_modules', '.bin', 'openapi-typescript');
      const spec = join(folder, 'node_modules', 'recoup-tasks', 'openapi.yaml');
      // Not in the working directory of the tests, whose configuration of redocly it would read.
      await execute(command, [spec, '--output', join(home, 'schema.d.ts')], { cwd: home });
      await compile('openapi-typescript');
      const samples = { tasks: SAMPLES, runs: 48, captions: 9, failed: 5 };
      expect(await outputOf('openapi-typescript/out/main.js')).toEqual(samples);
    },
    INSTALL_MS,
  );

  describe.each(['20', '22', '24'])('on Node %s', (major) => {
    let node: string;
    beforeAll(async () => {
      const home = join(folder, `node${major}`);
      await npm(['install', '--prefix', home, '--ignore-scripts', `node@${major}`], folder);
      // Fetches the platform's binary. By hand, because npm versions differ in how an install script is allowed.
      const cwd = join(home, 'node_modules', 'node');
      await execute(process.execPath, ['installArchSpecificPackage.js'], { cwd });
      node = join(home, 'node_modules', 'node', 'bin', 'node');
    }, INSTALL_MS);

    test('runs, as an ES module and in CommonJS', async () => {
      expect((await execute(node, ['--version'])).stdout).toMatch(new RegExp(`^v${major}\\.`));
      expect(await outputOf('esm/main.mjs', node)).toEqual(listed);
      expect(await outputOf('commonjs/main.cjs', node)).toEqual(refused);
    });
  });
});

(executablePath ? describe : describe.skip)('a page in a browser', () => {
  let server: Server;
  afterAll(() => server.close());

  test('lists tasks of the origin it came from, by a bundle of esbuild', async () => {
    const { outputFiles } = await build({
      entryPoints: [join(folder, 'browser', 'main.js')],
      bundle: true,
      format: 'esm',
      write: false,
    });
    const script = outputFiles[0]?.text ?? '';
    // The page's own server: it gives the page and the script, and asks the service for the rest.
    server = createServer(async ({ url = '' }, response) => {
      const isApi = url.startsWith('/api/');
      const isScript = url === '/main.js';
      const type = isApi ? 'application/json' : isScript ? 'text/javascript' : 'text/html';
      response.writeHead(200, { 'Content-Type': type });
      response.end(isApi ? await (await fetch(`${service.url}${url}`)).text() : isScript ? script : PAGE);
    });
    await new Promise<void>((done) => {
      server.listen(0, '127.0.0.1', done);
    });
    const { port }: Pick<AddressInfo, 'port'> = JSON.parse(JSON.stringify(server.address()));
    const browser = await chromium.launch({ executablePath: executablePath ?? '', args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${port}/`);
      await page.waitForFunction(() => document.title !== 'loading');
      expect(await page.title()).toBe('2 tasks');
    } finally {
      await browser.close();
    }
  });
});
