import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { Router } from 'express';
import { pageHeaders } from '../security/security-headers.ts';
import { staticFile } from './static-file.ts';

const DOCUMENT = 'index.html';

/**
 * Serves the page for people at `/`. Its other files have a hash of their content in their names, so browsers may cache
 * them for a year.
 * @param auth - inserted into the HTML, so that the page asks for a key at once if the service requires one
 */
export function page(auth: 'required' | 'none'): Router {
  const document = createRequire(import.meta.url).resolve(`recoup-tasks/page/${DOCUMENT}`);
  const folder = dirname(document);
  const router = Router({ caseSensitive: true, strict: true });
  const meta = `<meta name="api-key" content="${auth}" />`;
  const html = readFileSync(document, 'utf8').replace('<title>', `${meta}\n    <title>`);
  router.get('/', pageHeaders, staticFile(Buffer.from(html), 'html'));
  for (const name of readdirSync(folder).filter((one) => one !== DOCUMENT)) {
    const file = staticFile(readFileSync(join(folder, name)), extname(name), { immutable: true });
    router.get(`/page/${name}`, pageHeaders, file);
  }
  return router;
}
