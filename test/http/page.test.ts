import { once } from 'node:events';
import { type IncomingMessage, get as httpGet } from 'node:http';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Service, listenOn, startService } from '../support/service.ts';

/** The page's files on the wire, compressed. */
const MOST_BYTES = 150_000;

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

/** A reply as it comes over the wire; fetch would unpack it, and would not send another Host. */
async function raw(path: string, headers: Record<string, string> = {}) {
  const request = httpGet(`${service.url}${path}`, { headers });
  const [response]: IncomingMessage[] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response ?? []) chunks.push(chunk);
  return { status: response?.statusCode, headers: response?.headers ?? {}, body: Buffer.concat(chunks) };
}

/** The paths of the files that the document at / names. */
async function partsOf(path = '/'): Promise<string[]> {
  const { body } = await raw(path);
  return [...body.toString().matchAll(/(?:src|href)="(\/page\/[^"]+)"/g)].map(([, part]) => part ?? '');
}

test('the page loads its files from this service, and nothing inline', async () => {
  const { status, headers, body } = await raw('/');
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('text/html; charset=utf-8');
  expect(headers['cache-control']).toBe('no-cache');
  expect(headers['content-security-policy']).toBe(
    "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none';require-trusted-types-for 'script';trusted-types 'none'",
  );
  const html = body.toString();
  expect(html).not.toMatch(/<style|style=|<script(?![^>]* src=)| on\w+=/);
  const types = {
    svg: 'image/svg+xml',
    css: 'text/css; charset=utf-8',
    js: 'text/javascript; charset=utf-8',
  };
  const parts = await partsOf();
  expect(parts.map((part) => part.replace(/.*\./, '')).toSorted()).toEqual(Object.keys(types).toSorted());
  for (const [ending, type] of Object.entries(types)) {
    const part = await raw(parts.find((one) => one.endsWith(`.${ending}`)) ?? '');
    expect(part.status).toBe(200);
    expect(part.headers['content-type']).toBe(type);
  }
});

test('the page is small on the wire, and browsers keep its files for a year', async () => {
  const accepted = { 'Accept-Encoding': 'gzip' };
  const parts = await Promise.all((await partsOf()).map((part) => raw(part, accepted)));
  for (const { headers } of parts) {
    expect(headers['content-encoding']).toBe('gzip');
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
  }
  const document = await raw('/', accepted);
  const bytes = [document, ...parts].reduce((sum, { body }) => sum + body.length, 0);
  expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
});

test('the page of another name or origin is refused without credentials', async () => {
  for (const path of ['/', ...(await partsOf())]) {
    const foreign: Record<string, string>[] = [
      { Host: 'attacker.example' },
      { Origin: 'https://attacker.example' },
    ];
    for (const headers of foreign) {
      const { status, body } = await raw(path, headers);
      expect(status).toBe(403);
      expect(JSON.parse(body.toString())).toMatchObject({ code: 'foreign_origin' });
    }
  }
});

test('the document says whether the service requires a key', async () => {
  expect((await raw('/')).body.toString()).toContain('<meta name="api-key" content="none" />');
  const locked = await listenOn(service.collections, () => service.clock.now, 'required');
  try {
    const html = await (await fetch(`${locked.url}/`)).text();
    expect(html).toContain('<meta name="api-key" content="required" />');
  } finally {
    await locked.close();
  }
});

test.each(['/page/', '/page/index.html', '/page/main.js', '/page/..%2findex.html', '/index.html'])(
  'the page has no %s',
  async (path) => {
    expect((await raw(path)).status).toBe(404);
  },
);
