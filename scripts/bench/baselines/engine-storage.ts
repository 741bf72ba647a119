/** The embedded engine through the driver, as the service uses it: a listing's reads, and inserted runs. */
import { listedAccounts } from '../fill.ts';
import { FULL, QUICK } from '../plan.ts';
import { openOwn } from './serve.ts';
import { answerStorageQuestions, newRun } from './storage-work.ts';

const plan = process.env.PLAN === 'quick' ? QUICK : FULL;
const account_id = listedAccounts(plan).listed;
const limit = plan.listedTasks;
const { client, collections, close } = await openOwn();
const { tasks, runs } = collections;
const plain = client.db('bench_storage').collection<{ _id: string }>('plain');

await answerStorageQuestions({
  async reads() {
    const found = await tasks
      .find({ account_id }, { sort: { created_at: -1, _id: 1 }, limit, batchSize: limit + 1 })
      .toArray();
    const ids = found.flatMap(({ recent_runs }) => recent_runs.map(({ id }) => id));
    const read = await runs.find({ _id: { $in: ids } }, { batchSize: ids.length + 1 }).toArray();
    if (found.length !== limit || read.length !== ids.length) throw new Error('Documents are missing.');
  },
  async writes() {
    await plain.insertOne(newRun());
  },
  async indexedWrites() {
    await runs.insertOne(newRun());
  },
});
await close();
