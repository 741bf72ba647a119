import { expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { plainWords } from '../../src/lib/validator-words.ts';

test.each([
  [{ type: 'string', minLength: 1 }, '', 'must have at least 1 character'],
  [{ type: 'string', maxLength: 2 }, 'abc', 'must have at most 2 characters'],
  [{ type: 'array', maxItems: 1 }, [1, 2], 'must have at most 1 item'],
  [{ type: 'array', minItems: 2 }, [1], 'must have at least 2 items'],
  [{ type: ['object', 'null'] }, 1, 'must be object or null'],
  [{ type: 'string' }, 1, 'must be string'],
  [{ type: 'integer', maximum: 5 }, 6, 'must be <= 5'],
])('Ajv by %j says of %j: %s', (schema, value, words) => {
  const validate = new Ajv({ allowUnionTypes: true }).compile(schema);
  expect(validate(value)).toBe(false);
  expect(plainWords(validate.errors?.[0]?.message ?? '')).toBe(words);
});
