/** What the files for containers and machines promise; no engine is needed to read them. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { DockerfileParser, type Instruction } from 'dockerfile-ast';
import { parse } from 'yaml';
import { readSettings } from '../src/config.ts';
import { at, isObject } from './support/json.ts';

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

  test('copies what there is, and lets nothing else into the build', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(allowed.shift()).toBe('*');
    for (const entry of allowed) expect([entry, existsSync(entry.slice(1))]).toEqual([entry, true]);
    expect(allowed.join()).not.toMatch(/\.env|data|node_modules|dist/);
  });
});

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

  test('publishes the service to this machine alone, and the database to nobody', () => {
    for (const instance of instances)
      expect(at(instance, 'ports')).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+:3000$/)]);
    expect(at(services, 'mongo', 'ports')).toBeUndefined();
    expect(at(services, 'mongo', 'networks')).toEqual(['database']);
    expect(at(compose, 'networks', 'database', 'internal')).toBe(true);
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
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(10);
});
