import { execFileSync } from 'node:child_process';
import { build } from 'esbuild';
import makeTrafficFolder, { type Run } from './traffic/folder.ts';

/** Builds what changed, so that a test that starts programs of dist/ runs by itself, and prepares the record of traffic. */
export default async function setUp(run: Run): Promise<void> {
  execFileSync(process.execPath, ['scripts/build/changed.mjs'], { stdio: 'inherit' });
  // Engines in processes of their own, which tests start many times: a bundle starts in half the time.
  await build({
    entryPoints: ['child', 'crasher', 'racer'].map((name) => `test/embedded/support/${name}.ts`),
    outdir: 'dist/test',
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    sourcemap: true,
  });
  await makeTrafficFolder(run);
}
