/**
 * A step of `npm run check`: fails if a Markdown file or openapi.yaml contains a banned phrase, or if README.md or the
 * spec's introduction is too long.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** Maximum number of lines, by file. */
const MOST_LINES: Readonly<Record<string, number>> = { 'README.md': 160 };

/** Maximum number of lines of `info.description` in openapi.yaml, the first text of /docs. */
const MOST_INTRODUCTION_LINES = 10;

/** Banned phrases, written as regular expressions, each with advice for the author. */
const BANNED: readonly (readonly [phrase: string, advice: string])[] = [
  ['who asks', 'name the caller, the client or the user'],
  ['whoever', 'name the person or the program'],
  ['whose readers?', 'write "whose client"'],
  ['in vain', 'say what fails'],
  ['any more', 'write "no longer"'],
  ['for ever', 'write "forever" or "without limit"'],
  ['what is (?:over|there|missing|left|started|read|sent)', 'name the thing'],
  ['in which an?', 'start with the subject'],
  ['after which (?:it|an?)', 'start a sentence with the subject'],
  ['mends', 'write "fixes" or "repairs"'],
  ['he (?:may|has|wants|asks)', 'name the caller, the client or the user'],
];

/** Replaces code with spaces, so that it is not checked and line numbers stay correct. */
function withoutCode(text: string): string {
  const blank = (code: string) => code.replaceAll(/[^\n]/g, ' ');
  return text.replaceAll(/^( *)(```|~~~)[^]*?^\1\2/gm, blank).replaceAll(/(`+)[^`]+?\1/g, blank);
}

function bannedIn(file: string, text: string): string[] {
  const prose = withoutCode(text);
  return BANNED.flatMap(([phrase, advice]) => {
    // A phrase may continue on the next line.
    const pattern = new RegExp(String.raw`\b${phrase.replaceAll(' ', String.raw`\s+`)}\b`, 'gi');
    return [...prose.matchAll(pattern)].map((found) => {
      const line = prose.slice(0, found.index).split('\n').length;
      return `${file}:${line}: "${found[0].replaceAll(/\s+/g, ' ')}": ${advice}.`;
    });
  });
}

function tooLong(what: string, text: string, most: number): string[] {
  const lines = text.trimEnd().split('\n').length;
  return lines > most ? [`${what} has ${lines} lines, and its limit is ${most}.`] : [];
}

function problemsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const document: { info?: { description?: string } } = file === 'openapi.yaml' ? parse(text) : {};
  return [
    ...tooLong(file, text, MOST_LINES[file] ?? Infinity),
    ...tooLong(`info.description in ${file}`, document.info?.description ?? '', MOST_INTRODUCTION_LINES),
    ...bannedIn(file, text),
  ];
}

const FILES = [':(glob)*.md', ':(glob)docs/**/*.md', 'openapi.yaml'];
const names = execFileSync('git', ['ls-files', '-z', ...FILES], { encoding: 'utf8' }).split('\0');
const problems = names.filter((name) => name !== '').flatMap(problemsOf);
if (problems.length > 0) {
  process.stderr.write(`${problems.join('\n')}\n`);
  process.exitCode = 1;
}
