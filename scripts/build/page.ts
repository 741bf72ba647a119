/**
 * A step of `npm run build`: bundles the page that people open in a browser into dist/page. Each file name contains a
 * hash of the content.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { licensesOf } from './licenses.ts';

const SOURCE = 'src/page';
const OUTPUT = 'dist/page';

// Delete the files of earlier builds. The new files have other names and would not replace them, so the service would
// serve both.
rmSync(OUTPUT, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: ['main.tsx', 'page.css', 'icon.svg'].map((name) => join(SOURCE, name)),
  outdir: OUTPUT,
  entryNames: '[name]-[hash]',
  loader: { '.svg': 'copy' },
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  tsconfig: join(SOURCE, 'tsconfig.json'),
  metafile: true,
  logLevel: 'warning',
});

let html = readFileSync(join(SOURCE, 'index.html'), 'utf8');
for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
  if (entryPoint !== undefined) html = html.replace(`"${basename(entryPoint)}"`, `"/page/${basename(path)}"`);
}
writeFileSync(join(OUTPUT, 'index.html'), html);
writeFileSync(`${OUTPUT}.licenses.txt`, licensesOf(Object.keys(metafile.inputs)));
