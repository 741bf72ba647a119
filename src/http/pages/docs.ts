import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { Router } from 'express';
import { llmsTxt } from './llms-txt.ts';
import { docsHeaders } from '../security/security-headers.ts';
import type { Spec } from '../request/spec.ts';
import { staticFile } from './static-file.ts';

/** The files of the docs page by URL path. They are listed one by one, because swagger-ui-dist contains other files. */
const FILES = {
  '/docs': 'recoup-tasks/docs/index.html',
  '/docs/page.css': 'recoup-tasks/docs/page.css',
  '/docs/start.js': 'recoup-tasks/docs/start.js',
  '/docs/swagger-ui.css': 'swagger-ui-dist/swagger-ui.css',
  '/docs/swagger-ui-bundle.js': 'swagger-ui-dist/swagger-ui-bundle.js',
  '/docs/favicon-32x32.png': 'swagger-ui-dist/favicon-32x32.png',
};

/**
 * Serves Swagger UI at /docs without external resources, the guide docs/http.md, and the spec as YAML, as JSON and as
 * text for language models.
 */
export function docs(spec: Spec): Router {
  const { resolve } = createRequire(import.meta.url);
  const router = Router({ caseSensitive: true, strict: true });
  const guide = readFileSync(resolve('recoup-tasks/docs/http.md'));
  router.get('/docs/http.md', staticFile(guide, 'text/plain; charset=utf-8'));
  for (const [path, file] of Object.entries(FILES)) {
    router.get(path, docsHeaders, staticFile(readFileSync(resolve(file)), extname(file)));
  }
  router.get('/openapi.yaml', staticFile(Buffer.from(spec.yaml), 'application/yaml; charset=utf-8'));
  router.get('/llms.txt', staticFile(Buffer.from(llmsTxt(spec.document)), 'text/plain; charset=utf-8'));
  router.get('/openapi.json', staticFile(Buffer.from(JSON.stringify(spec.document)), 'json'));
  return router;
}
