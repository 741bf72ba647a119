/** What this service uses of other packages beside what they document. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { checkInternals } from '../../src/lib/internals.ts';

// Ajv documents its entry for JSON Schema 2020-12.
const INNER =
  /^import (?!type )[^;]*? from '(?!ajv\/dist\/2020\.js')((?:@[^/']+\/)?[^@./'][^/']*)\/(?:lib|dist|build|src)\/[^']+'/gm;

const FILES = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => /(?<!\.d)\.ts$/.test(file))
  .map((file) => join('src', file));
const USES = FILES.flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(INNER)].map(([, name = '']) => ({ file, name })),
);

test('packages whose internal files src/ loads are pinned up to the patch version', () => {
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
    readFileSync('package.json', 'utf8'),
  );
  const names = [...new Set(USES.map(({ name }) => name))].toSorted();
  expect(names).toEqual(['express-openapi-validator', 'mongodb']);
  for (const name of names) expect(`${name} ${dependencies[name]}`).toMatch(/ ~?\d+\.\d+\.\d+$/);
});

test.each(USES)('$file checks what it uses of $name', ({ file, name }) => {
  expect(readFileSync(file, 'utf8')).toContain(`checkInternals('${name}'`);
});

describe('a package in which it is missing', () => {
  afterEach(() => {
    jest.resetModules();
  });

  const without = (module: string, part: string) =>
    jest.doMock(module, () => ({ ...jest.requireActual<object>(module), [part]: undefined }));
  const withOther = (module: string, part: string) =>
    jest.doMock(module, () => ({ ...jest.requireActual<object>(module), [part]: Map }));

  test.each([
    ['mongodb', 'lib/cmap/connection.js', 'Connection', 'database/driver-writes', 'writeCommand'],
    ['mongodb', 'lib/cmap/commands.js', 'DocumentSequence', 'embedded/backup/raw-commands', 'push'],
    [
      'express-openapi-validator',
      'dist/openapi.validator.js',
      'OpenApiValidator',
      'http/request/validation',
      'installMiddleware',
    ],
  ])('%s, in %s, is named with its version, at load', async (name, inner, part, file, method) => {
    const { version }: { version: string } = JSON.parse(
      readFileSync(`node_modules/${name}/package.json`, 'utf8'),
    );
    for (const change of [without, withOther]) {
      jest.resetModules();
      change(`${name}/${inner}`, part);
      await expect(import(`../../src/${file}.ts`)).rejects.toThrow(
        new RegExp(`^${name} ${version} has no ${part}\\.prototype\\.${method}`),
      );
      jest.dontMock(`${name}/${inner}`);
    }
  });

  test('is named even if its version is unknown', () => {
    expect(() => checkInternals('no-such-package', { 'a part': true, 'a function': false })).toThrow(
      'no-such-package of unknown version has no a function, which this service relies on. ' +
        'Install the version in package-lock.json.',
    );
  });
});
