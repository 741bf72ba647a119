import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { NOW, type Service, startService } from '../support/service.ts';

const PAGE = 'https://tasks.example';
const OTHER_PAGE = 'https://tasks.example.attacker.example';

let open: Service;
let closed: Service;
let key: string;

beforeAll(async () => {
  open = await startService('required', {
    corsOrigins: [PAGE, 'http://localhost:5173'],
    rateLimits: { perKey: 100, perAddress: 100 },
    trustProxy: 1,
  });
  closed = await startService('required');
  ({ key } = await open.keys.create({ name: 'of a page', scope: 'admin' }, NOW));
});
afterAll(async () => {
  await open.close();
  await closed.close();
});

const preflight = (service: Service, origin: string, headers = 'x-api-key,content-type') =>
  fetch(`${service.url}/api/tasks`, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'PATCH',
      'Access-Control-Request-Headers': headers,
    },
  });

const corsHeadersOf = ({ headers }: Response) =>
  [...headers.keys()].filter((name) => name.startsWith('access-control-'));

describe('a page of an origin in CORS_ORIGINS', () => {
  test('may ask, without a key for the preflight, and is let in by its origin alone', async () => {
    const response = await preflight(open, PAGE);
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': expect.stringMatching(/(?=.*GET)(?=.*PATCH)(?=.*DELETE)/),
      'access-control-allow-headers': expect.stringMatching(/(?=.*x-api-key)(?=.*Idempotency-Key)/),
      'access-control-max-age': '7200',
      vary: expect.stringContaining('Origin'),
    });
    expect(response.headers.has('access-control-allow-credentials')).toBe(false);
  });

  test('is shown replies, errors among them, and the headers that it needs', async () => {
    const ask = (headers: Record<string, string>) =>
      open.request('/api/tasks', { headers: { Origin: PAGE, ...headers } });
    for (const response of [await ask({ 'x-api-key': key }), await ask({})]) {
      expect(response.headers.get('access-control-allow-origin')).toBe(PAGE);
      expect(response.headers.get('access-control-expose-headers')?.split(',')).toEqual([
        'ETag',
        'RateLimit',
        'RateLimit-Policy',
        'Retry-After',
        'x-request-id',
      ]);
      expect(response.headers.get('vary')).toMatch(/^Origin\b/);
    }
    expect((await ask({})).status).toBe(401);
  });

  test.each(['http://localhost:5173'])('may be %s too', async (origin) => {
    expect((await preflight(open, origin)).headers.get('access-control-allow-origin')).toBe(origin);
  });
});

describe('a page of another origin', () => {
  test.each([OTHER_PAGE, 'http://tasks.example', 'https://tasks.example:8443', 'null', 'http://localhost'])(
    'is not let in: %s',
    async (origin) => {
      expect((await preflight(open, origin)).headers.has('access-control-allow-origin')).toBe(false);
      const response = await open.request('/api/tasks', { headers: { Origin: origin, 'x-api-key': key } });
      expect(response.headers.has('access-control-allow-origin')).toBe(false);
      // A cache must not give one origin's reply to another.
      expect(response.headers.get('vary')).toMatch(/^Origin\b/);
    },
  );

  test('is not let in where CORS_ORIGINS is not set: there is no preflight, and no header', async () => {
    const response = await preflight(closed, PAGE);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, DELETE, PATCH, POST']);
    expect(corsHeadersOf(response)).toEqual([]);
    expect(corsHeadersOf(await closed.request('/api/tasks', { headers: { Origin: PAGE } }))).toEqual([]);
  });
});

test('OPTIONS that is no preflight is a method that the path does not have', async () => {
  expect((await open.request('/api/tasks', { method: 'OPTIONS' })).status).toBe(405);
});

describe('a reply', () => {
  const raw = async (request: string) => {
    const socket = connect(closed.port, '127.0.0.1');
    socket.write(request);
    return text(socket);
  };

  test('names no technology, on the page, in the API and outside of it', async () => {
    const replies = [
      await fetch(`${closed.url}/docs`),
      await closed.request('/api/tasks'),
      await closed.request('/nothing'),
    ];
    for (const { headers } of replies) {
      for (const name of ['server', 'x-powered-by', 'via']) expect(headers.has(name)).toBe(false);
    }
  });

  test('to what never becomes a request is no page either', async () => {
    const reply = await raw('nonsense\r\n\r\n');
    expect(reply).toContain("content-security-policy: default-src 'none';frame-ancestors 'none'\r\n");
    expect(reply).toContain('x-content-type-options: nosniff\r\n');
  });

  test('demands TLS of those who came by it, and of nobody else', async () => {
    const hstsOf = async (service: Service, headers: Record<string, string> = {}) =>
      (await fetch(`${service.url}/docs`, { headers })).headers.get('strict-transport-security');
    expect(await hstsOf(open, { 'X-Forwarded-Proto': 'https' })).toBe('max-age=31536000');
    expect(await hstsOf(open, { 'X-Forwarded-Proto': 'http' })).toBeNull();
    expect(await hstsOf(open)).toBeNull();
    // Nobody's word is taken where no proxy is trusted.
    expect(await hstsOf(closed, { 'X-Forwarded-Proto': 'https' })).toBeNull();
  });
});
