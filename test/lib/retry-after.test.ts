import { afterEach, expect, jest, test } from '@jest/globals';
import { retryAfterSeconds, retrySoon } from '../../src/lib/retry-after.ts';
import { SOON } from '../support/retry-after.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

test.each([
  [1, [1, 2, 3]],
  [41.2, [42, 43, 44]],
  [60, [60, 61, 62]],
])('a wait of at least %d seconds is told as %j', (atLeast, told) => {
  expect([0, 0.34, 0.999_999].map((random) => retryAfterSeconds(atLeast, random))).toEqual(told);
});

test('errors that pass soon get one to three seconds', () => {
  const random = jest.spyOn(Math, 'random');
  const headers = [0, 0.5, 0.999].map((value) => {
    random.mockReturnValue(value);
    return retrySoon()['Retry-After'];
  });
  expect(headers).toEqual(['1', '2', '3']);
  for (const header of headers) expect(header).toMatch(SOON);
});
