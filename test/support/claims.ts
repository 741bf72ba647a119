/** Tables in documents whose last column names the tests that prove a row, as [`file`](path) “title”; …. */
import { readFileSync } from 'node:fs';

/** A link to a test's file, and its title as the file has it. */
const REFERENCE = /\[`[^`]+`\]\(([^)]+)\) “([^”]+)”/g;

/** The tests that a row names, with the paths that its links have. */
export function proofsOf(row: string): { file: string; title: string }[] {
  return [...row.matchAll(REFERENCE)].map(([, file = '', title = '']) => ({ file, title }));
}

/** The text in the last column of a row besides such references, which nothing would check; empty if there is none. */
export function unreadProofs(row: string): string {
  const proofs = row.split(' | ').at(-1)?.replace(/ \|$/, '') ?? '';
  return proofs.replaceAll(REFERENCE, '').replaceAll('; ', '');
}

/** Whether a test file has a text as a whole literal, as titles are, and skips none of its tests. */
export function hasTitle(file: string, title: string): boolean {
  const source = readFileSync(file, 'utf8');
  const isRun = !/\b(test|it|describe)\.(skip|only|todo|failing)\(|\bx(test|it|describe)\(/.test(source);
  return isRun && ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`));
}
