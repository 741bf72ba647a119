import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What jest tells its global set-up of the run, as far as it matters here. */
export interface Run {
  testPathPatterns: { patterns: string[] };
  testNamePattern?: string;
  onlyChanged: boolean;
  onlyFailures: boolean;
  shard?: unknown;
}

/** Makes the folder that record.cjs notes traffic in; only if all suites run, and on the embedded engine. */
export default async function makeFolder(run: Run): Promise<void> {
  const isPart =
    run.testPathPatterns.patterns.length > 0 ||
    Boolean(run.testNamePattern || run.onlyChanged || run.onlyFailures || run.shard);
  if (!isPart && !process.env.MONGODB_URI)
    process.env.TRAFFIC_DIR = await mkdtemp(join(tmpdir(), 'traffic-'));
}
