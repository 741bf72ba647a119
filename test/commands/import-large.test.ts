import { afterAll, describe, expect, it } from '@jest/globals';
import { seedAccounts, seedArtists, seedTasks } from '../../src/commands/seed-data.ts';
import { addAccounts, addTasks } from '../../src/samples/fill-database.ts';
import { adminKey, contentsOf, gateBefore } from '../support/import-source.ts';
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
    const gate = await gateBefore(source.url);
    const importAll = () => runCommand('import', environment, ['--from', gate.url, '--enabled']);
    // A third and two thirds of the way through the pages of tasks.
    for (const requests of [7, 14]) {
      const stuck = gate.letPass(requests);
      const child = importAll();
      await stuck;
      child.kill('SIGKILL');
      expect(await child.ended).toMatchObject({ signal: 'SIGKILL' });
    }
    expect(await target.collections.tasks.estimatedDocumentCount()).toBe(1_400);
    gate.open();
    const { code, stdout, stderr } = await importAll().ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('tasks: 600 added, 0 changed, 1,400 were the same');
    expect(stdout).toContain('runs: 3,000 recorded, 7,000 were here');
    const [there, here] = [await contentsOf(source.client), await contentsOf(target.client)];
    expect(here.tasks).toHaveLength(PLAN.tasks);
    expect(here.listed).toHaveLength(PLAN.tasks * PLAN.runs);
    expect(here).toEqual(there);
    await gate.close();
    await Promise.all([source.close(), target.close()]);
  }, 600_000);
});
