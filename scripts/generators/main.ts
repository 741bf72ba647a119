/**
 * `npm run check:generators`: tests that code generators for several languages can use openapi.yaml. It generates and
 * compiles a client with each, and lets the client read all sample data from a service that this script starts. It
 * downloads the generators with mvn, go and pip, and skips a client whose tools are not on PATH. An argument, such as
 * `java`, selects the clients whose names contain it. The programs that call the clients are in
 * test/consumers/generators.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual, promisify } from 'node:util';
import { build } from 'esbuild';
import type { RunsResponse, TasksResponse } from '../../generated/types.gen.ts';

const SPEC = resolve('openapi.yaml');
const PROGRAMS = resolve('test/consumers/generators');
const OPENAPI_GENERATOR = 'org.openapitools:openapi-generator-cli:7.25.0';
const OAPI_CODEGEN = 'github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2';
const OPENAPI_PYTHON_CLIENT = 'openapi-python-client==0.29.1';

const execute = promisify(execFile);
/** Runs a command in a folder, and returns its stdout. */
async function output(cwd: string, command: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute(command, args, { cwd, maxBuffer: 1e8 });
  return stdout;
}

/** Generates a client with openapi-generator, whose jar comes from Maven Central. */
async function openapiGenerator(folder: string, ...options: string[]): Promise<void> {
  await output(
    folder,
    'mvn',
    '-q',
    'dependency:copy',
    `-Dartifact=${OPENAPI_GENERATOR}`,
    '-DoutputDirectory=.',
  );
  const [, name, version] = OPENAPI_GENERATOR.split(':');
  await output(
    folder,
    'java',
    '-jar',
    `${name}-${version}.jar`,
    'generate',
    '-i',
    SPEC,
    '-o',
    'client',
    ...options,
  );
}

interface Generator {
  needs: string[];
  program: string;
  /** Generates and compiles the client in a folder that contains the program. Returns the command that runs it. */
  prepare: (folder: string) => Promise<string[]>;
}

const GENERATORS: Record<string, Generator> = {
  'openapi-generator java': {
    needs: ['java', 'javac', 'mvn'],
    program: 'Main.java',
    async prepare(folder) {
      await openapiGenerator(folder, '-g', 'java', '--library', 'native');
      const libraries = join(folder, 'libraries');
      const copy = [
        'dependency:copy-dependencies',
        '-DincludeScope=compile',
        `-DoutputDirectory=${libraries}`,
      ];
      await output(join(folder, 'client'), 'mvn', '-q', ...copy);
      const sources = await readdir(join(folder, 'client/src/main/java'), { recursive: true });
      const files = sources.filter((file) => file.endsWith('.java'));
      const paths = files.map((file) => join(folder, 'client/src/main/java', file));
      await output(folder, 'javac', '-nowarn', '-cp', 'libraries/*', '-d', 'classes', 'Main.java', ...paths);
      return ['java', '-cp', ['libraries/*', 'classes'].join(delimiter), 'Main'];
    },
  },
  'openapi-generator typescript-fetch': {
    needs: ['java', 'mvn'],
    program: 'main.ts',
    async prepare(folder) {
      await openapiGenerator(folder, '-g', 'typescript-fetch');
      const compilerOptions = {
        target: 'es2022',
        lib: ['es2022', 'DOM'],
        module: 'esnext',
        moduleResolution: 'bundler',
        allowImportingTsExtensions: true,
        strict: true,
        noEmit: true,
        types: ['node'],
        typeRoots: [resolve('node_modules/@types')],
      };
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
      await output(folder, process.execPath, resolve('node_modules/typescript/bin/tsc'));
      const entryPoints = [join(folder, 'main.ts')];
      await build({ entryPoints, bundle: true, format: 'esm', outfile: join(folder, 'main.mjs') });
      return [process.execPath, 'main.mjs'];
    },
  },
  'oapi-codegen': {
    needs: ['go'],
    program: 'main.go',
    async prepare(folder) {
      await mkdir(join(folder, 'api'));
      await output(folder, 'go', 'mod', 'init', 'generated');
      const options = ['-generate', 'types,client', '-package', 'api', '-o', 'api/api.go'];
      await output(folder, 'go', 'run', OAPI_CODEGEN, ...options, SPEC);
      await output(folder, 'go', 'mod', 'tidy');
      await output(folder, 'go', 'build', '-o', 'program', '.');
      return ['./program'];
    },
  },
  'openapi-python-client': {
    needs: ['python3'],
    program: 'main.py',
    async prepare(folder) {
      const python = 'environment/bin/python';
      await output(folder, 'python3', '-m', 'venv', 'environment');
      await output(folder, python, '-m', 'pip', 'install', '-q', OPENAPI_PYTHON_CLIENT);
      const options = ['generate', '--meta', 'none', '--output-path', 'recoup_tasks_api_client'];
      await output(folder, 'environment/bin/openapi-python-client', ...options, '--path', SPEC);
      return [python, 'main.py'];
    },
  },
};

/** Starts the service on a new data folder, which it fills with the sample data. */
async function startService(dataDir: string): Promise<{ child: ChildProcess; url: string }> {
  const env = { PATH: process.env.PATH, PORT: '0', DATA_DIR: dataDir };
  const child = spawn(process.execPath, ['dist/src/main.js'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface(child.stdout)) {
    const url = /"url":"([^"]+)"/.exec(line)?.[1];
    if (url === undefined) continue;
    child.stdout.resume();
    return { child, url };
  }
  throw new Error('Expected the service to log its address, but it exited before that.');
}

async function read<Reply>(url: string): Promise<Reply> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`Expected status 200 from ${url}, got ${response.status}.`);
  return response.json();
}

/** Counts the tasks, fire times and runs that the service returns. Each generated client must read the same numbers. */
async function countSamples(url: string) {
  const { tasks } = await read<TasksResponse>(`${url}/api/tasks`);
  const listed: RunsResponse['runs'] = [];
  let cursor = '';
  do {
    const page = await read<RunsResponse>(`${url}/api/tasks/runs?limit=100${cursor}`);
    listed.push(...page.runs);
    cursor = page.next_cursor === undefined ? '' : `&cursor=${page.next_cursor}`;
  } while (cursor !== '');
  const complete = await Promise.all(
    listed.map(({ id }) => read<RunsResponse>(`${url}/api/tasks/runs?runId=${encodeURIComponent(id)}`)),
  );
  return {
    tasks: tasks.length,
    upcoming: tasks.reduce((sum, task) => sum + task.upcoming.length, 0),
    runs: listed.length,
    captions: complete.filter(({ runs: [run] }) => 'captionText' in Object(run?.output)).length,
    failed: listed.filter(({ status }) => status === 'FAILED' || status === 'CRASHED').length,
  };
}

const folder = await mkdtemp(join(tmpdir(), 'recoup-generators-'));
const { child, url } = await startService(join(folder, 'data'));
try {
  const expected = await countSamples(url);
  const spec = await readFile(SPEC, 'utf8');
  const patterns = [...new Set([...spec.matchAll(/pattern: '(.*?)'/g)].map(([, pattern = '']) => pattern))];
  process.stdout.write(`expected: ${JSON.stringify(expected)}, ${patterns.length} patterns\n`);
  for (const [name, { needs, program, prepare }] of Object.entries(GENERATORS)) {
    if (!name.includes(process.argv[2] ?? '')) continue;
    const missing = needs.filter((command) => spawnSync('which', [command]).status !== 0);
    if (missing.length > 0) {
      process.stdout.write(`${name}: skipped, needs ${missing.join(', ')} on PATH\n`);
      continue;
    }
    const home = join(folder, name.replaceAll(' ', '-'));
    await cp(join(PROGRAMS, program), join(home, program));
    try {
      const [command = '', ...args] = await prepare(home);
      const counts: unknown = JSON.parse(await output(home, command, ...args, url, ...patterns));
      if (!isDeepStrictEqual(counts, expected))
        throw new Error(
          `Expected ${JSON.stringify(expected)}, but the client read ${JSON.stringify(counts)}.`,
        );
      process.stdout.write(`${name}: compiles and reads everything\n`);
    } catch (error) {
      // tsc prints its errors on stdout.
      const { stdout = '' } = Object(error);
      process.stdout.write(`${name}: FAILED\n${`${String(error)}\n${stdout}`.slice(-2_000)}\n`);
      process.exitCode = 1;
    }
  }
} finally {
  child.kill();
  await rm(folder, { recursive: true, force: true });
}
