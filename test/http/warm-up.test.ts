import { createServer } from 'node:http';
import { Server } from 'node:net';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Express } from 'express';
import { routes } from '../../generated/express.gen.ts';
import { listen } from '../../src/http/server/listener.ts';
import { warmUp } from '../../src/http/server/warm-up.ts';
import { NOW, appOn, openTestDatabase } from '../support/service.ts';

let database: Awaited<ReturnType<typeof openTestDatabase>>;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

/** The statuses of a request of each operation, sent with a content type. */
async function askAll(app: Express, contentType: string): Promise<number[]> {
  const server = createServer(app);
  const url = await listen(server, 0, '127.0.0.1');
  const statuses: number[] = [];
  for (const { method, path, hasBody } of Object.values(routes)) {
    const reply = await fetch(`${url}${path}`, {
      method: method.toUpperCase(),
      headers: { 'Content-Type': contentType },
      ...(hasBody && { body: '{"surprise": 1}' }),
    });
    await reply.arrayBuffer();
    statuses.push(reply.status);
  }
  server.close();
  return statuses;
}

test('once warm, the validator compiles nothing more, whatever content type a request has', async () => {
  const { app, database: watch, lines, readiness } = appOn(database.collections, () => NOW);
  readiness.started();
  // What is added to Ajv is what is compiled; by each operation twice, as the validator does it.
  const compiled = jest.spyOn(Ajv2020.prototype, 'addSchema');
  await warmUp(app);
  const operations = Object.values(routes).map(({ method, path }) => `${method.toUpperCase()}-${path}-`);
  for (const operation of operations) {
    expect(compiled.mock.calls.filter(([, key]) => key?.startsWith(operation))).toHaveLength(2);
  }
  expect(lines).toEqual([]);
  watch.stop();
  compiled.mockClear();
  // The preview lacks its schedule.
  const expected = Object.values(routes).map(({ hasBody, path }) =>
    hasBody || path === '/api/schedules/preview' ? 400 : 200,
  );
  expect(await askAll(app, 'application/json')).toEqual(expected);
  expect(await askAll(app, 'application/json; charset=utf-8')).toEqual(expected);
  expect(compiled).not.toHaveBeenCalled();
  await askAll(app, 'text/x-never-seen');
  expect(compiled).not.toHaveBeenCalled();
});

test('while it warms up, with every right, nothing listens that others on the machine could ask', async () => {
  const { app, database: watch } = appOn(database.collections, () => NOW, 'required');
  const listens = jest.spyOn(Server.prototype, 'listen');
  const statuses: number[] = [];
  await warmUp((request, response) => {
    response.once('finish', () => statuses.push(response.statusCode));
    app(request, response);
  });
  watch.stop();
  expect(listens).not.toHaveBeenCalled();
  // It was let in, without a key.
  expect(statuses).toHaveLength(Object.keys(routes).length);
  expect(statuses).not.toContain(401);
});
