import { afterAll, describe, expect, it } from '@jest/globals';
import { seedAccounts, seedArtists, seedTasks } from '../../src/commands/seed-data.ts';
import { addAccounts, addTasks } from '../../src/samples/fill-database.ts';
import { adminKey, contentsOf } from '../support/import-source.ts';
import { isLong } from '../support/long.ts';
import { killAll, runCommand } from '../support/process.ts';
import { startService } from '../support/service.ts';

const PLAN = { accounts: 20, tasks: 2_000, runs: 5 };

afterAll(killAll);

(isLong ? describe : describe.skip)('an import of 2,000 tasks with 5 runs each', () => {
  it('is killed twice, and ends with the same', async () => {
    const [source, target] = await Promise.all([startService(), startService()]);
    await addAccounts(source.collections, [...seedAccounts(PLAN.accounts), ...seedArtists(PLAN.accounts)]);
    await addTasks(source.collections, seedTasks(PLAN));
    const environment = {
      RECOUP_API_KEY: await adminKey(source.collections),
      MONGODB_URI: process.env.MONGODB_URI ?? '',
      MONGODB_DATABASE: target.db.databaseName,
      DATA_DIR: target.dataDir,
    };
    const importAll = () => runCommand('import', environment, ['--from', source.url, '--enabled']);
    // In the middle of writing.
    for (const runs of [2_600, 6_600]) {
      const child = importAll();
      while ((await target.collections.runs.estimatedDocumentCount()) < runs)
        expect(child.isRunning()).toBe(true);
      child.kill('SIGKILL');
      expect(await child.ended).toMatchObject({ signal: 'SIGKILL' });
    }
    const { code, stdout, stderr } = await importAll().ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/tasks: [\d,]+ added, 0 changed, 1,\d+ unchanged, 0 kept/);
    expect(stdout).not.toContain('Not imported');
    const [there, here] = [await contentsOf(source.client), await contentsOf(target.client)];
    expect(here.tasks).toHaveLength(PLAN.tasks);
    expect(here.listed).toHaveLength(PLAN.tasks * PLAN.runs);
    expect(here).toEqual(there);
    await Promise.all([source.close(), target.close()]);
  }, 600_000);
});
