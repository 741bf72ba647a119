import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { type Service, startService } from './support/service.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

/** A page beside the API: what it serves is not described by the spec. */
const get = (path: string) => fetch(`${service.url}${path}`, { redirect: 'manual' });

describe('the docs', () => {
  test('are where / leads', async () => {
    const response = await get('/');
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe('/docs');
  });

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
