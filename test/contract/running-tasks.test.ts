/** The tables of docs/running-tasks.md that are made of something else. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';

const page = readFileSync('docs/running-tasks.md', 'utf8');

/** The rows of the table below a header. */
function rowsBelow(header: string): string[] {
  const [, table = ''] = page.split(`${header}\n`);
  const [, ...rows] = (table.split('\n\n')[0] ?? '').split('\n');
  return rows;
}

test('what becomes of a run whose process is killed is what the tests are named', () => {
  const source = readFileSync('test/engine/local/killed.test.ts', 'utf8');
  const [kills = ''] = source.split("describe('killed before any single write'");
  const cases = [...kills.matchAll(/step: '([^']+)',\s+becomes: '([^']+)'/g)];
  const others = [...kills.matchAll(/\btest\('([^':]+): ([^']+)'/g)];
  expect(cases.length).toBeGreaterThan(10);
  expect(others.length).toBeGreaterThan(3);
  const rows = [...cases, ...others].map(([, step, becomes]) => `| ${step} | ${becomes} |`);
  expect(rowsBelow('| Killed when | What becomes of it |')).toEqual(rows);
});

test('the defaults are those of the spec', () => {
  const { properties } = parse(readFileSync('openapi.yaml', 'utf8')).components.schemas.CreateTaskRequest;
  const rows = rowsBelow('| Field | Values | Default | Meaning |');
  const shown = rows.map((row) => row.split('|').map((cell) => cell.trim().replaceAll('`', '')));
  expect(shown.map(([, field]) => field)).toEqual(['overlap', 'catch_up', 'timeout_seconds', 'max_attempts']);
  for (const [, field = '', , value] of shown) {
    const [, byDefault] = /Absent means\s+`?([\w,]+)/.exec(properties[field].description) ?? [];
    expect([field, value]).toEqual([field, byDefault]);
  }
});
