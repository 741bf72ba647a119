/**
 * The last step of `npm run build`: puts the service and the packages it runs on into dist/src/main.js, one file instead
 * of 700, which halves the time until it listens. The other files stay as tsc writes them, for commands and client.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { type Plugin, build } from 'esbuild';
import { licensesOf } from './licenses.ts';

const OUTPUT = 'dist/src/main.js';

/** Packages that stay outside: lmdb for its binaries, and what the driver uses only where somebody installs it. */
function external(): string[] {
  const { peerDependencies }: { peerDependencies: object } = createRequire(import.meta.url)(
    'mongodb/package.json',
  );
  return ['lmdb', ...Object.keys(peerDependencies)];
}

/** What is imported only where it is wanted stays as tsc writes it; in one file, all it needs would always be loaded. */
const onDemand: Plugin = {
  name: 'on-demand',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\// }, ({ kind, importer, path }) => {
      if (kind !== 'dynamic-import' || importer.includes('node_modules')) return undefined;
      const file = relative('src', join(dirname(importer), path)).replace(/\.ts$/, '.js');
      return { path: `./${file}`, external: true };
    });
  },
};

const { metafile } = await build({
  entryPoints: ['src/main.ts'],
  outfile: OUTPUT,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  external: external(),
  plugins: [onDemand],
  // Packages in CommonJS ask for node's own modules by it.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  sourcemap: 'linked',
  sourcesContent: false,
  metafile: true,
  logLevel: 'warning',
});
writeFileSync(`${OUTPUT}.licences.txt`, licensesOf(Object.keys(metafile.inputs)));
// Else tsc, run alone, would take main.js for its own and leave it, with an older state of every other file in it.
if (existsSync('dist/.tsbuildinfo')) rmSync('dist/.tsbuildinfo');
