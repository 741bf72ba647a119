import type { Collections } from '../store/collections.ts';
import { addAccounts, addTasks } from './fill-database.ts';
import { referenceExample, samples } from './samples.ts';

/**
 * The first and the last account that a load inserts. If the database has only the first one, a load was interrupted. A
 * separate collection for this state would be visible to users.
 */
const STARTED = samples[0].account;
const FINISHED = referenceExample.account;

async function mustLoad({ tasks, runs, accounts }: Collections): Promise<boolean> {
  const id = { projection: { _id: 1 } };
  if (await accounts.findOne({ _id: FINISHED._id }, id)) return false;
  if (await accounts.findOne({ _id: STARTED._id }, id)) return true;
  const found = await Promise.all([tasks.findOne({}, id), runs.findOne({}, id)]);
  return found.every((document) => document === null);
}

/**
 * Loads the sample data into a database that has no tasks or runs, or completes an interrupted load. After a complete
 * load, never loads again, even if the tasks were deleted.
 * @returns whether this call loaded the sample data
 */
export async function loadSamplesIfEmpty(collections: Collections): Promise<boolean> {
  if (!(await mustLoad(collections))) return false;
  await addAccounts(collections, [STARTED]);
  await addAccounts(
    collections,
    samples
      .flatMap(({ account, artists }) => [account, ...artists])
      .filter((account) => account !== FINISHED),
  );
  await addTasks(
    collections,
    samples.flatMap(({ tasks }) => tasks),
  );
  await addAccounts(collections, [FINISHED]);
  return true;
}
