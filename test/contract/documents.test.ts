/** Checks what the documents name: files, headings, npm scripts, folders of tests, metrics, log messages and figures. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { pageWith } from '../../scripts/bench/page.ts';

const pages = readdirSync('docs')
  .filter((name) => name.endsWith('.md'))
  .map((name) => join('docs', name));
const documents = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', ...pages];
const read = (file: string) => readFileSync(file, 'utf8');

/** The ids that the headings of a Markdown file get on a page, as GitHub makes them. */
function anchorsOf(file: string): string[] {
  const text = read(file).replaceAll(/^```[^]*?^```$/gm, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function isBroken(file: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? file : join(dirname(file), path);
  if (!existsSync(target)) return true;
  return anchor !== undefined && !anchorsOf(target).includes(anchor);
}

describe.each(documents)('%s', (file) => {
  const text = read(file);

  test('links to files and headings that exist', () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    expect(links.filter((link) => !/^https?:/.test(link) && isBroken(file, link))).toEqual([]);
  });

  test('names npm scripts and folders of tests that exist', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const names = [...text.matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(([, name = '']) => name);
    expect(names.filter((name) => !(name in scripts))).toEqual([]);
    const paths = [...text.matchAll(/npx jest (\S+)/g)].map(([, path = '']) => path);
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  });
});

test('docs/operations.md names metrics and log messages that exist', () => {
  const text = read('docs/operations.md');
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => read(join('src', name)))
    .join('\n');
  const [, logs = '', metrics = ''] = /^## Logs\n([^]*)^## Metrics\n([^]*)^## Traces$/m.exec(text) ?? [];
  const messages = [...logs.matchAll(/^\| `([^`]+)` \|/gm)].map(([, message = '']) => message);
  const names = [...metrics.matchAll(/`((?:http|cache|mongodb|engine)_\w+)`/g)].map(([, name = '']) => name);
  expect(messages.length).toBeGreaterThan(3);
  expect(names.length).toBeGreaterThan(15);
  expect(
    [...messages, ...names].filter((name) => !sources.includes(`'${name}`) && !sources.includes(`${name}:`)),
  ).toEqual([]);
});

test('docs/performance.md has the figures of scripts/bench/figures.json', () => {
  const page = read('docs/performance.md');
  expect(page).toBe(pageWith(page, JSON.parse(read('scripts/bench/figures.json'))));
});
