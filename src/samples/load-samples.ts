import type { Collections } from '../store/collections.ts';
import { addAccounts, addTasks } from './fill-database.ts';
import { referenceExample, samples } from './samples.ts';

/**
 * The first and the last document that a load writes. Each is one atomic write, so an interrupted load has written the
 * first but not the last. An extra collection for this state would be visible to users.
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
 * Loads the sample data into a database without tasks and runs, or completes an interrupted load. A database that has
 * once been filled stays as it is, even if its tasks were deleted since.
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
