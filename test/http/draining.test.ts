/** How a listener ends: whom it waits for, and whom not. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { task } from '../support/builders.ts';
import { dial, hangUp } from '../support/connections.ts';
import { NOW, type Service, listenOn, startService } from '../support/service.ts';

/** That nobody waits for in a test: what ends before, does not end because of it. */
const NEVER_MS = 600_000;
const TIMES = { delayMs: 0, deadlineMs: NEVER_MS };

let service: Service;

beforeEach(async () => {
  service = await startService();
});
afterEach(async () => {
  hangUp();
  await service.close();
});

test('a connection on which nothing was asked is not waited for', async () => {
  const { port, drain } = await listenOn(service.collections, () => NOW);
  const silent = await dial(port);
  await Promise.all([drain(TIMES), once(silent.resume(), 'close')]);
});

test('nor is it when the last reply has been read, which is waited for', async () => {
  const prompt = 'Write a caption. '.repeat(1_000);
  await service.collections.tasks.insertMany(
    Array.from({ length: 800 }, (_, number) => task(number, { prompt })),
  );
  const { port, drain } = await listenOn(service.collections, () => NOW);
  const reading = await dial(port);
  reading.write('GET /api/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(reading, 'readable');
  const silent = await dial(port);
  let ended = false;
  const drained = drain(TIMES).then(() => (ended = true));
  // Longer than a silent connection alone is kept for.
  await new Promise((resolve) => {
    setTimeout(resolve, 200);
  });
  expect([ended, silent.closed]).toEqual([false, false]);
  const closed = once(silent.resume(), 'close');
  const reply = await text(reading);
  expect([reply.slice(0, 13), reply.slice(-2)]).toEqual(['HTTP/1.1 200 ', ']}']);
  await Promise.all([drained, closed]);
});
