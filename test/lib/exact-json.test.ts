import fc from 'fast-check';
import { Long } from 'bson';
import { describe, expect, test } from '@jest/globals';
import { exactJson } from '../../src/lib/exact-json.ts';

describe('exact JSON', () => {
  test('equals the output of JSON.stringify where that supports the value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => expect(exactJson(value)).toBe(JSON.stringify(value))),
      { seed: Number(process.env.PROPERTY_SEED ?? 20_261_126) },
    );
    const date = new Date(0);
    expect(exactJson({ date, none: undefined, items: [undefined] })).toBe(
      JSON.stringify({ date, none: undefined, items: [undefined] }),
    );
  });

  test('has 64-bit integers with all their digits', () => {
    expect(exactJson({ a: [2n ** 63n - 1n], b: Long.MIN_VALUE })).toBe(
      '{"a":[9223372036854775807],"b":-9223372036854775808}',
    );
  });

  test.each(['toJSON', '__isLong__', '_bsontype', '__proto__'])('treats %s as an ordinary name', (name) => {
    const value: unknown = JSON.parse(`{"${name}":{"${name}":true}}`);
    expect(exactJson(value)).toBe(JSON.stringify(value));
    expect(exactJson(Object.fromEntries([[name, 5n]]))).toBe(`{"${name}":5}`);
  });
});
