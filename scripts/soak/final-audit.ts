import { setTimeout as sleep } from 'node:timers/promises';
import type { Task } from '../../generated/types.gen.ts';
import type { Collections } from '../../src/store/collections.ts';
import { repair } from '../../src/store/repair.ts';
import { auditDatabase } from './audit.ts';
import type { World } from './client.ts';
import type { Owner } from './owner.ts';
import { Random } from './random.ts';
import { Reader } from './reader.ts';
import type { Reporter } from './reporter.ts';
import type { VersionWatch } from './watch.ts';

const MAX_REPETITIONS = 20;

interface FinalAudit {
  world: World;
  owners: Owner[];
  reporter: Reporter;
  collections: Collections;
  versions: VersionWatch;
}

/** Audits tasks, runs and listings. Call it after all requests and faults have ended. */
export async function finalAudit(audit: FinalAudit): Promise<void> {
  const { world, collections, versions } = audit;
  await finishCreations(audit);
  await auditDatabase({ model: world.model, collections, versions, isRepaired: false });
  await repairTasks(audit);
  await auditDatabase({ model: world.model, collections, versions, isRepaired: true });
  await compareListings(audit);
}

/**
 * Repeats each creation that has an Idempotency-Key, even if it was answered. Together, all requests with the same key
 * must have created exactly one task.
 */
async function finishCreations({ world, owners }: FinalAudit): Promise<void> {
  for (const owner of owners) {
    for (const creation of [...owner.unanswered, ...owner.answered])
      for (const instance of world.instances) await owner.repeat(creation, instance);
    for (let repetition = 0; owner.unanswered.length > 0 && repetition < MAX_REPETITIONS; repetition += 1) {
      await sleep(200);
      for (const creation of owner.unanswered.slice())
        for (const instance of world.instances) await owner.repeat(creation, instance);
    }
    for (const { task } of owner.unanswered)
      world.model.findings.add(
        'hung',
        `the creation of "${task.prompt}" was repeated ${MAX_REPETITIONS} times without success`,
        task.history,
      );
  }
}

/** Corrects the tasks with an unacknowledged report: half of them by another report, the rest by `repair`. */
async function repairTasks({ world, reporter, collections }: FinalAudit): Promise<void> {
  const interrupted = world.model.alive.filter((task) => task.interrupted);
  for (const task of interrupted.filter((_, at) => at % 2 === 0)) {
    if (await reporter.reportOnce(task)) task.interrupted = false;
  }
  await auditDatabase({ model: world.model, collections, isRepaired: false });
  await repair(collections);
}

/** Checks that all ways of listing tasks agree with each other and with the database. */
async function compareListings({ world, collections }: FinalAudit): Promise<void> {
  const { model, instances, accounts, artists } = world;
  const reader = new Reader(world, new Random(1));
  const order = await collections.tasks.find({}, { sort: { created_at: -1, _id: 1 } }).toArray();
  const expected = order.map(({ _id }) => _id).join();
  const idsOf = (tasks: Task[] | undefined) => tasks?.map(({ id }) => id).join();
  for (const instance of instances) {
    for (const list of [reader.listAll, reader.listPages]) {
      if (idsOf(await list.call(reader, instance, {})) !== expected)
        model.findings.add('wrong', `the listing of ${instance.name} differs from the tasks in the database`);
    }
    const filters = [
      ...accounts.map((account_id) => ({ account_id })),
      ...artists.map((artist_account_id) => ({ artist_account_id })),
      { enabled: true },
      { enabled: false },
    ];
    for (const filter of filters) {
      const all = await reader.listAll(instance, filter);
      if (!all || idsOf(await reader.listPages(instance, filter)) !== idsOf(all))
        model.findings.add(
          'wrong',
          `with ${JSON.stringify(filter)}, the pages of ${instance.name} differ from its whole listing`,
        );
    }
    for (const task of model.alive) await reader.wholeHistory(instance, task);
  }
}
