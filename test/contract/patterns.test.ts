/**
 * Clients and gateways in other languages compile the patterns of the spec. Each pattern stays within what the regular
 * expressions of ECMAScript (with and without the flag `u`), RE2, Rust, Java and Python read alike. `npm run
 * check:generators` compiles them in Go, Java and Python.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { loadSpec } from '../../src/http/request/spec.ts';
import { isObject } from '../support/json.ts';
import { character } from '../support/schema-values.ts';

function patternsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(patternsIn);
  if (!isObject(value)) return [];
  const { pattern, ...others } = value;
  return [...(typeof pattern === 'string' ? [pattern] : []), ...Object.values(others).flatMap(patternsIn)];
}

const patterns = [...new Set(patternsIn(loadSpec().document))];

/**
 * The common subset: ASCII letters, digits and punctuation that is no operator, `\xHH`, escaped operators, plain classes, groups
 * and greedy quantifiers. Left out are `\d`, `\w` and `\s`, which Rust and Python read as Unicode, `\u`, which RE2 refuses,
 * `.`, whose line ends differ, and brackets and operators of sets within a class.
 */
const ESCAPE = String.raw`\\x[0-9a-f]{2}|\\[.*+?^$|(){}\[\]\\]`;
const IN_CLASS = String.raw`(?!--|&&|~~)[^\[\]\\^]`;
const CLASS = String.raw`\[\^?(?:${ESCAPE}|${IN_CLASS})+\]`;
const LITERAL = String.raw`[A-Za-z0-9 "';:,=!_%@#/<>~-]`;
const QUANTIFIER = String.raw`(?:[*+?]|\{\d+(?:,\d*)?\})`;
const ATOM = String.raw`(?:${ESCAPE}|${CLASS}|${LITERAL}|\((?!\?)|\))`;
const PORTABLE = new RegExp(String.raw`^\^?(?:${ATOM}${QUANTIFIER}?|\|)*\$?$`, 'u');

test('there are patterns', () => {
  expect(patterns.length).toBeGreaterThan(5);
});

describe.each(patterns)('%s', (pattern) => {
  test('is in the subset that all engines read alike', () => {
    expect(pattern).toMatch(PORTABLE);
  });

  test('means the same in ECMAScript without and with `u`, and in RE2', () => {
    const [plain, unicode, re2] = [new RegExp(pattern), new RegExp(pattern, 'u'), RE2JS.compile(pattern)];
    const texts = fc.oneof(
      fc.string({ unit: character }),
      fc.string({ unit: fc.constantFrom(...'\0\n09aZT:-+.,;="_~é٣😀') }),
      fc.stringMatching(unicode),
      fc
        .tuple(fc.stringMatching(unicode), fc.constantFrom('\0', '\n', '٣', ' '))
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const expected = unicode.test(text);
        expect([text, plain.test(text), re2.matcher(text).find()]).toEqual([text, expected, expected]);
      }),
      { seed: Number(process.env.PROPERTY_SEED ?? 20_261_126) },
    );
  });
});

test.each([
  String.raw`^[^\u0000\ud800-\udfff]*$`,
  String.raw`^\d+$`,
  String.raw`^(?=a)b$`,
  String.raw`^(?<name>a)$`,
  '^.*$',
  '^[a-z&&[^b]]$',
  '^[[a]]$',
  '^a*?$',
  String.raw`^\p{L}$`,
])('%s is not in the subset', (pattern) => {
  expect(pattern).not.toMatch(PORTABLE);
});
