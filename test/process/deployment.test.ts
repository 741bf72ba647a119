/** What the files for containers and machines promise; no engine is needed to read them. */
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { DockerfileParser, type Instruction } from 'dockerfile-ast';
import { parse } from 'yaml';
import { readSettings } from '../../src/config/settings.ts';
import { at, isObject } from '../support/json.ts';
import { killAll, runProgram } from '../support/process.ts';

afterAll(killAll);

const lastOf = (list: unknown) => (Array.isArray(list) ? String(list.at(-1)) : '');
const read = (file: string) => readFileSync(file, 'utf8');

describe('the Dockerfile', () => {
  const instructions = DockerfileParser.parse(read('Dockerfile')).getInstructions();
  const starts = instructions.flatMap((instruction, index) =>
    instruction.getKeyword() === 'FROM' ? [index] : [],
  );
  const build = instructions.slice(starts[0], starts[1]);
  const final = instructions.slice(starts[1]);
  const of = (list: Instruction[], keyword: string) =>
    list
      .filter((instruction) => instruction.getKeyword() === keyword)
      .map((instruction) => instruction.getArgumentsContent() ?? '');

  test('has two stages, of which the last starts as a user that is not root, with the signal that the service drains on', () => {
    expect(starts).toHaveLength(2);
    expect(of(final, 'USER')).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)]);
    expect(of(final, 'STOPSIGNAL')).toEqual(['SIGTERM']);
    const [entrypoint = ''] = of(final, 'ENTRYPOINT');
    // The form without a shell, which would keep the signal to itself.
    expect(JSON.parse(entrypoint)[0]).toBe('node');
  });

  test('asks the service whether it lives, by a program that is valid', () => {
    const [check = ''] = of(final, 'HEALTHCHECK');
    const command: string[] = JSON.parse(check.slice(check.indexOf('[')));
    expect(command.slice(0, 2)).toEqual(['node', '-e']);
    expect(command[2]).toContain('/health/live');
    expect(() => new Function(command[2] ?? '')).not.toThrow();
  });

  test('has settings that the service takes, and only production dependencies', () => {
    const [environment = ''] = of(final, 'ENV');
    const settings = Object.fromEntries(environment.split(/\s+/).map((pair) => pair.split('=')));
    expect(readSettings(settings)).toMatchObject({
      reachable: true,
      auth: 'required',
      sampleData: false,
      database: { dataDir: of(final, 'VOLUME')[0] },
    });
    expect(of(build, 'RUN').at(-1)).toContain('npm prune --omit=dev');
    expect(of(final, 'RUN').join()).not.toContain('npm');
  });

  /** What the last stage is made of, in a folder; its build is the one that `npm test` has made. */
  async function makeImage(folder: string): Promise<void> {
    for (const copy of of(final, 'COPY')) {
      const words = copy.split(/\s+/).filter((word) => !word.startsWith('--'));
      const target = join(folder, words.pop() ?? '');
      for (const source of words) {
        const path = source.replace('/app/', './');
        const to = words.length > 1 || copy.endsWith('/') ? join(target, basename(path)) : target;
        await mkdir(dirname(to), { recursive: true });
        // Which is too large to copy, and has more in it than production dependencies.
        if (path.endsWith('node_modules')) await symlink(resolve(path), to);
        else await cp(path, to, { recursive: true });
      }
    }
  }

  const startIn = (folder: string) => {
    const [entrypoint = ''] = of(final, 'ENTRYPOINT');
    const [, program = ''] = JSON.parse(entrypoint);
    const environment = { PORT: '0', DATA_DIR: join(folder, 'data'), SAMPLE_DATA: 'off' };
    return runProgram(process.execPath, [program.replace('/app', folder)], environment);
  };

  test('copies all that the service needs to start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recoup-image-'));
    try {
      await makeImage(folder);
      const service = startIn(folder);
      const url = /"url":"([^"]+)"/.exec(await service.printed(/"msg":"listening"/))?.[1];
      for (const path of ['/health/ready', '/api/tasks', '/docs', '/openapi.json', '/openapi.yaml'])
        expect([path, (await fetch(`${url}${path}`)).status]).toEqual([path, 200]);
      service.kill('SIGTERM');
      expect(await service.ended).toMatchObject({ code: 0, stderr: '' });
      // Without one of its files it ends, rather than hang.
      await rm(join(folder, 'generated'), { recursive: true });
      expect(await startIn(folder).ended).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('openapi.json'),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('copies what there is, and lets nothing else into the build', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(allowed.shift()).toBe('*');
    for (const entry of allowed) expect([entry, existsSync(entry.slice(1))]).toEqual([entry, true]);
    expect(allowed.join()).not.toMatch(/\.env|data|node_modules|dist/);
  });
});

/** With an engine, as the documentation has it. */
const longestEndSeconds = Number(readSettings({ RUN_COMMAND: 'true' }).engine?.graceMs) / 1_000 + 8;

describe('compose.yaml', () => {
  const compose: unknown = parse(read('compose.yaml'), { merge: true });
  const services = at(compose, 'services');
  const instances = ['tasks-1', 'tasks-2'].map((name) => at(services, name));

  test('runs two instances on one replica set, with settings that the service takes', () => {
    for (const instance of instances) {
      const environment = at(instance, 'environment');
      const given = Object.entries(isObject(environment) ? environment : {}).map(([name, value]) => [
        name,
        String(value).replaceAll(/\$\{\w+(:?[-?][^}]*)?\}/g, (_, fallback = '') =>
          String(fallback).startsWith(':-') ? fallback.slice(2) : 'secret',
        ),
      ]);
      const { database } = readSettings(Object.fromEntries(given));
      expect(database).toMatchObject({
        uri: 'mongodb://recoup:secret@mongo/recoup?replicaSet=rs0',
        name: 'recoup',
      });
    }
  });

  test('makes the replica set, and the service a user of its own that is not root, before an instance starts', () => {
    const mongo = at(services, 'mongo');
    expect(lastOf(at(mongo, 'entrypoint'))).toMatch(/mongod --replSet rs0 .*--keyFile \$\$key\n$/);
    const root = at(mongo, 'environment', 'MONGO_INITDB_ROOT_PASSWORD');
    const init = at(services, 'mongo-init');
    expect(at(init, 'environment', 'MONGO_ROOT_PASSWORD')).toBe(root);
    for (const instance of instances) {
      expect(JSON.stringify(at(instance, 'environment'))).not.toContain('MONGO_ROOT_PASSWORD');
      expect(at(instance, 'depends_on', 'mongo-init', 'condition')).toBe('service_completed_successfully');
    }
    expect(at(init, 'depends_on', 'mongo', 'condition')).toBe('service_healthy');
    const [script = '', inside] = lastOf(at(init, 'volumes')).split(':');
    expect(lastOf(at(init, 'entrypoint'))).toBe(inside);
    expect(read(script)).toMatch(/_id: 'rs0'/);
    expect(read(script)).toMatch(
      /user: 'recoup', pwd: password, roles: \[\{ role: 'readWrite', db: 'recoup' \}\]/,
    );
  });

  test('publishes the service to this machine alone, and the database to nobody', () => {
    for (const instance of instances)
      expect(at(instance, 'ports')).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+:3000$/)]);
    expect(at(services, 'mongo', 'ports')).toBeUndefined();
    expect(at(services, 'mongo', 'networks')).toEqual(['database']);
    expect(at(compose, 'networks', 'database', 'internal')).toBe(true);
  });

  test('gives the instances time to end', () => {
    for (const instance of instances)
      expect(parseInt(String(at(instance, 'stop_grace_period')))).toBeGreaterThan(longestEndSeconds);
  });

  test('gives the instances as little as they need', () => {
    for (const instance of instances)
      expect(instance).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
      });
  });
});

test('the unit for systemd has settings that the service takes, and gives it time to end', () => {
  const unit = read('deploy/recoup-tasks.service');
  const [, environment = ''] = /^Environment=(.*)$/m.exec(unit) ?? [];
  const settings = Object.fromEntries(environment.split(' ').map((pair) => pair.split('=')));
  expect(readSettings(settings)).toMatchObject({ sampleData: false, auth: 'required' });
  expect(unit).toContain('\nDynamicUser=yes\n');
  // A package's program, in the folder that the comment and docs/deployment.md install it in.
  const [, program = ''] = /^ExecStart=\/usr\/bin\/env node (\S+)$/m.exec(unit) ?? [];
  const [prefix = '', file = ''] = program.split('/node_modules/recoup-tasks/');
  expect([existsSync(file), read('docs/deployment.md').includes(`--prefix ${prefix} `)]).toEqual([
    true,
    true,
  ]);
  expect(settings.DATA_DIR).toBe(`/var/lib/${/^StateDirectory=(.*)$/m.exec(unit)?.[1]}`);
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(longestEndSeconds);
  // Otherwise systemd ends commands at once.
  expect(unit).toContain('\nKillMode=mixed\n');
});
