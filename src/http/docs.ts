import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Router } from 'express';
import { absolutePath } from 'swagger-ui-dist';
import type { Spec } from './spec.ts';

/** What the page needs of swagger-ui-dist, which has more in its folder than anyone should be served. */
const ASSETS = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Recoup Tasks API</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="icon" type="image/png" sizes="32x32" href="/docs/favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

/** validatorUrl: null keeps the page from sending the spec to a validator on the internet. */
const START = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
`;

/** Swagger UI at /docs, from this service alone, and the spec it shows, as YAML and as JSON. */
export function docs(spec: Spec): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get('/', (_request, response) => response.redirect('/docs'));
  router.get('/docs', (_request, response) => response.type('html').send(PAGE));
  router.get('/docs/start.js', (_request, response) => response.type('js').send(START));
  for (const asset of ASSETS) {
    const content = readFileSync(join(absolutePath(), asset));
    router.get(`/docs/${asset}`, (_request, response) => response.type(extname(asset)).send(content));
  }
  router.get('/openapi.yaml', (_request, response) => response.type('application/yaml').send(spec.yaml));
  router.get('/openapi.json', (_request, response) => response.json(spec.document));
  return router;
}
