/** The service refuses requests by their headers, before the client sends the body. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ACCOUNT, ARTIST } from '../support/builders.ts';
import { dial, hangUp } from '../support/connections.ts';
import { NOW, type Service, startService } from '../support/service.ts';

let service: Service;
let key: string;

beforeAll(async () => {
  service = await startService('required');
  ({ key } = await service.keys.create({ name: 'expecting', accountId: ACCOUNT }, NOW));
});
afterAll(() => service.close());
afterEach(hangUp);

const BODY = JSON.stringify({ title: 'T', prompt: 'p', schedule: '0 9 * * 4', artist_account_id: ARTIST });
const MAX = 1_048_576;

interface Head {
  line?: string;
  type?: string;
  length?: number;
  presented?: string;
  others?: string;
}

function head({
  line = 'POST /api/tasks',
  type = 'application/json',
  length = BODY.length,
  presented = key,
  others = 'Expect: 100-continue\r\n',
}: Head): string {
  const credentials = presented === '' ? '' : `x-api-key: ${presented}\r\n`;
  return `${line} HTTP/1.1\r\nHost: localhost\r\n${credentials}Content-Type: ${type}\r\nContent-Length: ${length}\r\n${others}\r\n`;
}

async function send(text_: string): Promise<Socket> {
  const socket = await dial(service.port);
  socket.write(text_);
  return socket;
}

const nextText = async (socket: Socket): Promise<string> => String((await once(socket, 'data'))[0]);

describe('a client that expects 100 Continue', () => {
  test.each<[number, string, Head]>([
    [401, 'missing_credentials', { presented: '' }],
    [401, 'invalid_credentials', { presented: 'wrong' }],
    [403, 'admin_required', { line: 'PUT /api/tasks/runs' }],
    [404, 'not_found', { line: 'POST /nothing' }],
    [405, 'method_not_allowed', { line: 'POST /health/live' }],
    [413, 'body_too_large', { length: MAX + 1 }],
    [415, 'unsupported_media_type', { type: 'text/plain' }],
    [415, 'unsupported_media_type', { others: 'Content-Encoding: tea\r\nExpect: 100-continue\r\n' }],
  ])('is refused with %i %s at once, and the connection ends', async (status, code, refused) => {
    const reply = await text(await send(head(refused)));
    expect(reply).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\nConnection: close\r\n[^]*"code":"${code}"`),
    );
  });

  test('gets 100 Continue if the body is read, and the connection stays open', async () => {
    const socket = await send(head({}));
    expect(await nextText(socket)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write(BODY);
    expect(await nextText(socket)).toMatch(/^HTTP\/1\.1 200 [^]*\r\nConnection: keep-alive\r\n/);
    socket.write(head({ others: '' }) + BODY);
    expect(await nextText(socket)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('is answered at once if the operation takes no body', async () => {
    const socket = await send(head({ line: 'GET /api/tasks' }));
    expect(await nextText(socket)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

test('a body is refused by its Content-Length before it arrives', async () => {
  const socket = await send(head({ length: MAX + 1, others: '' }));
  expect(await nextText(socket)).toMatch(/^HTTP\/1\.1 413 /);
});
