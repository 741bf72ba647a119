import { describe, expect, test } from '@jest/globals';
import { SingleFlight } from '../../src/lib/single-flight.ts';

describe('single-flight lookups', () => {
  test('give callers that arrive meanwhile one shared lookup that started after their call', async () => {
    const lookups = new SingleFlight<number>();
    const ends: (() => void)[] = [];
    let begun = 0;
    const lookUp = () => {
      begun += 1;
      const answer = begun;
      return new Promise<number>((resolve) => {
        ends.push(() => resolve(answer));
      });
    };
    const first = lookups.run('q', lookUp);
    const others = [lookups.run('q', lookUp), lookups.run('q', lookUp)];
    const different = lookups.run('other', lookUp);
    expect(begun).toBe(2);
    ends[0]?.();
    expect(await first).toBe(1);
    ends[1]?.();
    expect(await different).toBe(2);
    expect(begun).toBe(3);
    ends[2]?.();
    expect(await Promise.all(others)).toEqual([3, 3]);
    const later = lookups.run('q', lookUp);
    expect(begun).toBe(4);
    ends[3]?.();
    expect(await later).toBe(4);
  });

  test('that fail reject for their callers, and not for later ones', async () => {
    const lookups = new SingleFlight<string>();
    const failing = lookups.run('q', () => Promise.reject(new Error('gone')));
    const next = lookups.run('q', () => Promise.resolve('found'));
    await expect(failing).rejects.toThrow('gone');
    expect(await next).toBe('found');
  });
});
