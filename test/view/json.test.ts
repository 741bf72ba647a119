/** BSON's bytes as JSON text: the same as the driver's objects and JSON.stringify make, without the objects. */
import { describe, expect, test } from '@jest/globals';
import { Binary, Decimal128, Double, Int32, Long, ObjectId, deserialize, serialize } from 'bson';
import fc from 'fast-check';
import { bsonToJson, fieldTable } from '../../src/view/bson-to-json.ts';
import { character } from '../support/schema-values.ts';

const ALL = fieldTable({ _id: 'id', value: 'value', list: { name: 'list', each: { shown: 'shown' } } });
const textOf = (document: object) => bsonToJson(serialize(document), ALL).toString();

const settings = { numRuns: Number(process.env.PROPERTY_RUNS ?? 200), seed: 20_261_124 };

describe('a document', () => {
  test('of any JSON comes back as it is', () => {
    const property = fc.property(fc.jsonValue(), fc.string({ unit: character }), (value, key) => {
      const name = key.replaceAll('\0', '');
      const json: unknown = JSON.parse(JSON.stringify({ value: { [name]: value, value } }));
      fc.pre(!JSON.stringify(json).includes('_bsontype'));
      expect(JSON.parse(textOf(Object(json)))).toEqual(
        JSON.parse(JSON.stringify(deserialize(serialize(Object(json))))),
      );
    });
    fc.assert(property, settings);
  });

  test.each([
    ['instants', new Date(0)],
    ['instants before 1970', new Date(-1)],
    ['the first of all instants', new Date(-8.64e15)],
    ['the last of all instants', new Date(8.64e15)],
    ['leap days', new Date('2024-02-29T23:59:59.999Z')],
    ['doubles', 0.1],
    ['negative zero', -0],
    ['large doubles', 1.7e308],
    ['what is no number', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['32 bits', new Int32(-2_147_483_648)],
    ['64 bits', Long.fromString('-9007199254740991')],
    ['whole doubles', new Double(5)],
    ['every control character', Array.from({ length: 32 }, (_, at) => String.fromCharCode(at + 1)).join('')],
    ['quotation marks and backslashes', '"\\"'],
    ['characters outside of the first plane', '𝄞 é ß'],
    ['object ids', new ObjectId('0123456789abcdef01234567')],
    ['decimals', Decimal128.fromString('1.10')],
    ['bytes', new Binary(Buffer.from('abc'))],
    ['null', null],
    ['empty objects and arrays', [{}, [], '']],
  ])('has %s as JSON.stringify writes what the driver makes of them', (_what, value) => {
    const stored = { _id: 'x', value };
    expect(textOf(stored)).toBe(JSON.stringify({ id: 'x', value: deserialize(serialize(stored)).value }));
  });

  test('has no field that is not shown, whatever another tool has put in the place of one', () => {
    expect(textOf({ _id: 'x', secret: 1, list: [{ shown: 1, secret: 2 }, 'secret', null] })).toBe(
      '{"id":"x","list":[{"shown":1},null,null]}',
    );
    expect(textOf({ list: { secret: 1 }, value: 1 })).toBe('{"list":null,"value":1}');
  });

  test('that is damaged is refused, and not read past its end', () => {
    const bytes = serialize({ value: 'text' });
    expect(() => bsonToJson(bytes.subarray(0, 8), ALL)).toThrow();
  });

  test('with a text that is no UTF-8 becomes one that is', () => {
    const bytes = Buffer.from(serialize({ value: 'ab' }));
    bytes[bytes.indexOf('ab')] = 0xff;
    expect(JSON.parse(bsonToJson(bytes, ALL).toString())).toEqual({ value: '\ufffdb' });
  });
});
