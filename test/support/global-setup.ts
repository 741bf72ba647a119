import { execFileSync } from 'node:child_process';
import makeTrafficFolder, { type Run } from './traffic/folder.ts';

/** Builds what changed, so that a test that starts programs of dist/ runs by itself, and prepares the record of traffic. */
export default async function setUp(run: Run): Promise<void> {
  execFileSync(process.execPath, ['scripts/build/changed.mjs'], { stdio: 'inherit' });
  await makeTrafficFolder(run);
}
