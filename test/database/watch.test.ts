import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { MongoServerError } from 'mongodb';
import { probeOf } from '../../src/store/collections.ts';
import { DatabaseTooSlow } from '../../src/database/failures.ts';
import { DatabaseWatch } from '../../src/database/watch.ts';
import { NOW, memoryLog, openTestDatabase } from '../support/service.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const notPrimary = () => new MongoServerError({ code: 10107, message: 'not primary' });

/** A watch with a clock that goes when it is told to. */
function watchWithClock() {
  const { lines, log } = memoryLog();
  const clock = { now: NOW };
  const watch = new DatabaseWatch({ probe: probeOf(database.collections), log, now: () => clock.now });
  return {
    watch,
    lines,
    /** Lets time pass, and has it look each second, as those who ask whether it is ready do. */
    async after(seconds: number) {
      for (let second = 0; second < seconds; second += 1) {
        clock.now = new Date(clock.now.getTime() + 1_000);
        expect(await watch.answers()).toBe(true);
      }
    },
  };
}

test('a database that answers some requests and fails others is told to the log once, and that it is back when it is', async () => {
  const { watch, lines, after } = watchWithClock();
  for (let second = 0; second < 40; second += 1) {
    watch.failed(notPrimary(), 'one');
    await after(1);
  }
  expect(lines).toMatchObject([{ level: 50, msg: 'database unavailable', requestId: 'one' }]);
  await after(4);
  expect(lines).toHaveLength(1);
  await after(2);
  expect(lines.slice(1)).toMatchObject([
    { level: 30, msg: 'database available again', failures: 40, durationMs: 40_000 },
  ]);
  watch.stop();
});

test('an outage counts what was too slow before it was known to be one', async () => {
  const { watch, lines, after } = watchWithClock();
  watch.failed(new DatabaseTooSlow(1));
  await after(1);
  watch.failed(new DatabaseTooSlow(1));
  watch.failed(new DatabaseTooSlow(1));
  watch.failed(notPrimary());
  await after(6);
  expect(lines.at(-1)).toMatchObject({ msg: 'database available again', failures: 3 });
  watch.stop();
});

test('a database that fails every ten seconds is told to the log twice', async () => {
  const { watch, lines, after } = watchWithClock();
  for (let time = 0; time < 30; time += 1) {
    watch.failed(notPrimary());
    await after(10);
  }
  expect(lines.map(({ msg }) => msg)).toEqual([
    'database unavailable',
    'database available again',
    'database unavailable',
  ]);
  await after(60);
  expect(lines.at(-1)).toMatchObject({ msg: 'database available again', failures: 29 });
  watch.stop();
});
