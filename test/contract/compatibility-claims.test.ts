import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { hasTitle, proofsOf, unreadProofs } from '../support/claims.ts';

const FOLDER = 'docs';
const text = readFileSync(join(FOLDER, 'compatibility.md'), 'utf8');

/** Rows of the tables, by the heading above them, without the tables' own heads. */
const tables = Object.fromEntries(
  text
    .split(/^## /m)
    .slice(1)
    .map((section) => [
      section.split('\n')[0] ?? '',
      section
        .split('\n')
        .filter((line) => line.startsWith('| '))
        .slice(1),
    ]),
);
const rows = Object.values(tables).flat();
const cellsOf = (row: string) => row.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, ''));

const references = rows.flatMap((row) =>
  proofsOf(row).map(({ file, title }) => ({ what: cellsOf(row)[0], file: join(FOLDER, file), title })),
);

describe('the tables in docs/compatibility.md', () => {
  test('are what is alike, better and different, and each row has every cell', () => {
    expect(Object.keys(tables)).toEqual(['Alike', 'Better', 'Different']);
    for (const [heading, columns] of [
      ['Alike', 3],
      ['Better', 4],
      ['Different', 4],
    ] as const) {
      expect(tables[heading]?.length).toBeGreaterThan(0);
      expect(tables[heading]?.filter((row) => cellsOf(row).filter(Boolean).length !== columns)).toEqual([]);
    }
  });

  test('name at least one test in each row, and nothing else beside it', () => {
    expect(rows.filter((row) => proofsOf(row).length === 0)).toEqual([]);
    expect(rows.map(unreadProofs)).toEqual(rows.map(() => ''));
  });

  test.each(references)('$what names a test that exists: $file, $title', ({ file, title }) => {
    expect({ file, exists: existsSync(file) }).toEqual({ file, exists: true });
    expect({ title, exists: hasTitle(file, title) }).toEqual({ title, exists: true });
  });
});
