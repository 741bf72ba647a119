/**
 * The last step of `npm run build`: bundles the service and its packages into dist/src/main.js. One file instead of 700
 * halves the start time. All other files remain as tsc writes them, for the commands and the client.
 */
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { type Plugin, build } from 'esbuild';

const OUTPUT = 'dist/src/main.js';

/** Packages that are not bundled: lmdb for its binaries, and optional packages of the driver. */
function external(): string[] {
  const { peerDependencies }: { peerDependencies: object } = createRequire(import.meta.url)(
    'mongodb/package.json',
  );
  return ['lmdb', ...Object.keys(peerDependencies)];
}

/** Collects the licenses of bundled packages, which must be distributed with the code. */
function licencesOf(files: string[]): string {
  const folders = files.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  const texts = [...new Set(folders)].toSorted().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const named = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file));
    const contents = named.map((file) => readFileSync(join(folder, file), 'utf8').trim());
    if (contents.length === 0 && typeof license !== 'string') throw new Error(`${name} names no licence.`);
    return [`${name} ${version}`, ...(contents.length > 0 ? contents : [license])].join('\n\n');
  });
  return `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
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
writeFileSync(`${OUTPUT}.licences.txt`, licencesOf(Object.keys(metafile.inputs)));
// Otherwise tsc, run alone, would consider main.js its own and up to date, though it bundles older states of other
// files.
if (existsSync('dist/.tsbuildinfo')) rmSync('dist/.tsbuildinfo');
