import type { Collections } from '../store/collections.ts';
import { addAccounts, addTasks } from './fill-database.ts';
import { referenceExample, samples } from './samples.ts';

/**
 * The first document written and the last one. Each is one atomic write, so together they tell a load that was
 * interrupted from one that ended, without a collection of its own that people would find beside the documents.
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
 * Fills a database with the sample data where there are neither tasks nor runs, or where an earlier call was
 * interrupted: then it adds what is missing. A database that was filled once is left alone, whatever became of its
 * tasks since.
 * @returns whether it filled the database.
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
