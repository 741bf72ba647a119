/**
 * The last step of `npm run build`: bundles the service and its packages into dist/src/main.js. One file instead of 700
 * halves the start time. All other files remain as tsc writes them, for the commands and the client.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { type Plugin, build } from 'esbuild';
import { licensesOf } from './licenses.ts';

const OUTPUT = 'dist/src/main.js';

/** Packages that are not bundled: lmdb for its binaries, and optional packages of the driver. */
function external(): string[] {
  const { peerDependencies }: { peerDependencies: object } = createRequire(import.meta.url)(
    'mongodb/package.json',
  );
  return ['lmdb', ...Object.keys(peerDependencies)];
}

/** Leaves dynamically imported modules as separate files. In one bundle, their packages would always be loaded. */
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
  // Bundled CommonJS packages use `require` for Node's own modules.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  sourcemap: 'linked',
  sourcesContent: false,
  metafile: true,
  logLevel: 'warning',
});
writeFileSync(`${OUTPUT}.licences.txt`, licensesOf(Object.keys(metafile.inputs)));
// Otherwise tsc, run alone, would consider main.js its own and up to date, though it bundles older states of other
// files.
if (existsSync('dist/.tsbuildinfo')) rmSync('dist/.tsbuildinfo');
