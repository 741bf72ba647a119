import { once } from 'node:events';
import { get as httpGet } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { routes } from '../../generated/express.gen.ts';
import { loadSpec } from '../../src/http/request/spec.ts';
import { type Service, startService } from '../support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

/** A page beside the API: what it serves is not described by the spec. */
const get = (path: string) => fetch(`${service.url}${path}`, { redirect: 'manual' });

describe('the docs', () => {
  test('are a page whose parts are all served here', async () => {
    const page = await (await get('/docs')).text();
    const parts = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part]) => part ?? '');
    expect(parts).toEqual(
      expect.arrayContaining(['/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/docs/start.js']),
    );
    for (const part of parts) {
      expect(part).toMatch(/^\/(docs\/|openapi\.yaml$)/);
      expect((await get(part)).status).toBe(200);
    }
  });

  test('show the spec of this service and send it nowhere', async () => {
    const script = await (await get('/docs/start.js')).text();
    expect(script).toContain("url: '/openapi.json'");
    expect(script).toContain('validatorUrl: null');
  });

  test.each(['/docs/index.html', '/docs/package.json', '/docs/..%2fpackage.json', '/docs/', '/Docs'])(
    'do not serve %s',
    async (path) => {
      expect((await service.request(path)).status).toBe(404);
    },
  );
});

describe('the spec', () => {
  const file = readFileSync('openapi.yaml', 'utf8');

  test('is served as it is in the repository', async () => {
    const response = await get('/openapi.yaml');
    expect(response.headers.get('content-type')).toBe('application/yaml; charset=utf-8');
    expect(await response.text()).toBe(file);
  });

  test('is served as JSON that says the same', async () => {
    const response = await get('/openapi.json');
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual(parse(file));
  });
});

describe('the text for language models', () => {
  const { document } = loadSpec();

  test('names every operation with its parameters and replies, and links to the spec', async () => {
    const response = await get('/llms.txt');
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const text = await response.text();
    expect(text.split('\n').slice(0, 3)).toEqual([
      `# ${document.info.title}`,
      '',
      expect.stringMatching(/^> ./),
    ]);
    expect(text).toContain('(/openapi.yaml)');
    for (const id of Object.keys(routes)) expect(text).toContain(`(\`${id}\`)`);
    const { get: operation } = document.paths?.['/api/tasks'] ?? {};
    for (const parameter of operation?.parameters ?? []) {
      if ('name' in parameter) expect(text).toContain(`- \`${parameter.name}\` (query, `);
    }
    for (const status of Object.keys(operation?.responses ?? {})) expect(text).toContain(`\n- ${status}: `);
    expect(text).toContain('integer 1 to 1000, optional');
    expect(text).toContain('\n- 403: `account_forbidden`: ');
    expect(text).not.toMatch(/undefined|\[object/);
  });
});

describe('the files of the docs page', () => {
  const PARTS = [
    '/docs',
    '/docs/page.css',
    '/docs/start.js',
    '/docs/swagger-ui.css',
    '/docs/swagger-ui-bundle.js',
  ];
  const PATHS = [
    ...PARTS,
    '/docs/favicon-32x32.png',
    '/docs/http.md',
    '/openapi.json',
    '/llms.txt',
    '/openapi.yaml',
  ];

  /** As it comes over the wire: fetch would unpack it. */
  async function raw(path: string, headers: Record<string, string> = {}, method = 'GET') {
    const request = httpGet(`${service.url}${path}`, { headers, method });
    const [response] = await once(request, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
  }

  test('are at most 700 KB on the wire, together', async () => {
    const replies = await Promise.all(
      PATHS.slice(0, -1).map((path) => raw(path, { 'Accept-Encoding': 'gzip, br' })),
    );
    expect(replies.map(({ headers }) => headers['content-encoding'])).toEqual(
      PATHS.slice(0, -1).map(() => 'br'),
    );
    expect(replies.reduce((sum, { body }) => sum + body.length, 0)).toBeLessThanOrEqual(700_000);
  });

  test.each([
    ['br', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
    ['identity', undefined, (body: Buffer) => body],
  ])('with Accept-Encoding: %s, come as %s, the same content', async (accepted, encoding, unpack) => {
    const { headers, body } = await raw('/openapi.yaml', { 'Accept-Encoding': accepted });
    expect(headers['content-encoding']).toBe(encoding);
    expect(headers.vary).toBe('Accept-Encoding');
    expect(unpack(body).toString()).toBe(loadSpec().yaml);
  });

  test.each(PATHS)('%s is kept by a browser, and not sent again while it is the same', async (path) => {
    const first = await raw(path);
    expect(first.status).toBe(200);
    expect(first.headers['cache-control']).toBe('no-cache');
    const tag = String(first.headers.etag);
    expect(await raw(path, { 'If-None-Match': tag })).toMatchObject({ status: 304, body: Buffer.alloc(0) });
    expect(await raw(path, { 'If-None-Match': '"another"' })).toMatchObject({ status: 200 });
    const head = await raw(path, {}, 'HEAD');
    expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0), headers: { etag: tag } });
  });

  test('may load and run what this service sends, and nothing else', async () => {
    const { headers } = await raw('/docs');
    expect(headers['content-security-policy']).toBe(
      "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;connect-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none'",
    );
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['cross-origin-opener-policy']).toBe('same-origin');
  });

  test('that do not exist are 404, in the envelope', async () => {
    const { status, body } = await raw('/docs/swagger-ui.js');
    expect(status).toBe(404);
    expect(JSON.parse(body.toString())).toMatchObject({ status: 'error', code: 'not_found' });
  });
});
