import { calculateObjectSize, deserialize, serialize } from 'bson';
import fc from 'fast-check';
import { describe, expect, test } from '@jest/globals';
import {
  Beginning,
  MAX_OUTPUT_BYTES,
  outputOf,
  outputOfValue,
  runError,
} from '../../../src/engine/executors/output.ts';
import { character } from '../../support/schema-values.ts';
import { expectStorable } from './port.ts';

const ofText = (text: string) => {
  const bytes = Buffer.from(text);
  return outputOf({ bytes, total: bytes.length });
};

describe('the output of a run', () => {
  test.each([
    ['{"n": 9223372036854775807}', { n: 9223372036854775807n }],
    ['-9223372036854775808', -9223372036854775808n],
    ['1.0', 1],
    ['"text"', 'text'],
    ['[1, 2', '[1, 2'],
    ['two\nlines\n', 'two\nlines'],
    ['true', true],
  ])('of %j is its value, or its text', (text, output) => {
    expect(ofText(text)).toEqual(output);
  });

  test.each([
    ['9223372036854775808', 'The value is an integer outside the 64-bit range'],
    ['{"a": [1e400]}', 'Field "a.0" is too large for a double'],
    ['{"a": 1e-400}', 'Field "a" is too small for a double'],
    [String.raw`{"a": "\u0000"}`, 'Field "a" must not contain NUL characters'],
    [String.raw`"\ud800"`, 'The value must not contain NUL characters or unpaired surrogates'],
    [String.raw`{"a\u0000": 1}`, 'The value has a name with a NUL character'],
    ['{"a": {"_bsontype": "Long"}}', 'Field "a" has the name "_bsontype"'],
    ['{"$ref": 1, "$id": 2}', 'The value has both names "$ref" and "$id"'],
    ['{"a": 1, "a": 2}', 'repeats the name "a" in one object'],
    [`${'['.repeat(65)}${']'.repeat(65)}`, 'is nested more than 64 levels deep'],
  ])('of %s is kept as text, and says why', (text, problem) => {
    const output = ofText(text);
    expect(output).toEqual({ text, truncated: false, note: expect.stringContaining(problem) });
    expectStorable({ output });
  });

  test.each(['', ' \n'])('of %j is marked as empty', (text) => {
    expect(ofText(text)).toEqual({ text: '', truncated: false, note: 'The output is empty.' });
  });

  test('of too many bytes is cut between two characters', () => {
    const output = ofText('€'.repeat(MAX_OUTPUT_BYTES));
    expect(output).toEqual({
      text: '€'.repeat(Math.floor(MAX_OUTPUT_BYTES / 3)),
      truncated: true,
      note: `The output has ${(MAX_OUTPUT_BYTES * 3).toLocaleString('en')} bytes; a run keeps the first 262,144.`,
    });
    expectStorable({ output });
  });

  test('is cut if replaced characters make it too long', () => {
    const output = ofText('\0'.repeat(MAX_OUTPUT_BYTES));
    expect(output).toMatchObject({ truncated: true });
    expectStorable({ output });
  });

  test('is kept in bounded memory, and counted', () => {
    const beginning = new Beginning(10);
    for (let at = 0; at < 100; at++) beginning.add(Buffer.from('abc'));
    expect({ kept: beginning.bytes.toString(), total: beginning.total }).toEqual({
      kept: 'abcabcabca',
      total: 300,
    });
  });

  test('can be stored and shown, whatever its content', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc.json().map((text) => Buffer.from(text)),
      fc.string({ unit: character }).map((text) => Buffer.from(JSON.stringify({ [text]: text }))),
    );
    fc.assert(
      fc.property(bytes, (given) => {
        const beginning = new Beginning(1_000);
        beginning.add(given);
        const output = outputOf(beginning);
        expectStorable({ output });
        expect(deserialize(serialize({ output }), { useBigInt64: false })).toHaveProperty('output');
      }),
      { seed: Number(process.env.PROPERTY_SEED ?? 20_261_126) },
    );
  });

  test('of a value is the value', () => {
    expect(outputOfValue({ a: 5n, b: undefined, c: '3' })).toEqual({ a: 5, c: '3' });
  });
});

describe('the error of a run', () => {
  test('keeps the start of a long message and the end of a long stack', () => {
    const error = runError('Failed', `start${'é'.repeat(5_000)}`, `${'é'.repeat(5_000)}end`);
    expect(error).toEqual({
      name: 'Failed',
      message: expect.stringMatching(/^starté+… \(cut\)$/),
      stackTrace: expect.stringMatching(/^\(cut\) …é+end$/),
    });
    expect(calculateObjectSize(error)).toBeLessThan(5_500);
    expectStorable({ error });
  });

  test('has no character that a database cannot keep', () => {
    expect(runError('Failed', 'a\0b', '\ud800')).toEqual({
      name: 'Failed',
      message: 'a\uFFFDb',
      stackTrace: '\uFFFD',
    });
  });
});
