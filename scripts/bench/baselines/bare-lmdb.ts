/**
 * lmdb by itself: tasks in the order of the listing, runs by id, both as BSON, each decoded; and runs written by group
 * commits, each alone, or with as many index entries as the collection `runs` has.
 */
import { join } from 'node:path';
import { deserialize, serialize } from 'bson';
import { open } from 'lmdb';
import { benchDocuments, listedAccounts } from '../fill.ts';
import { FULL, QUICK } from '../plan.ts';
import { answerStorageQuestions, newRun } from './storage-work.ts';

const plan = process.env.PLAN === 'quick' ? QUICK : FULL;
const account = listedAccounts(plan).listed;
// As the embedded engine opens it: commits are flushed before they are acknowledged.
const root = open<Buffer, Buffer>({
  path: join(process.cwd(), 'bare-lmdb'),
  noSubdir: false,
  encoding: 'binary',
  keyEncoding: 'binary',
  maxDbs: 8,
  eventTurnBatching: false,
});
const table = (name: string) =>
  root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
const tasks = table('tasks');
const runs = table('runs');
const entries = table('entries');
const EMPTY = Buffer.alloc(0);
/** Of _id, and the six of the collection `runs`. */
const INDEXES = 7;

/** Account, then the newest first, then the id. */
function taskKey(accountId: string, createdAt: Date, id: string): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(2n ** 63n - BigInt(createdAt.getTime()));
  return Buffer.concat([Buffer.from(accountId), time, Buffer.from(id)]);
}

await root.transaction(() => {
  for (const document of benchDocuments('small', plan)) {
    if ('run' in document) runs.put(Buffer.from(document.run._id), Buffer.from(serialize(document.run)));
    else {
      const { account_id, created_at, _id } = document.task;
      tasks.put(taskKey(account_id, created_at, _id), Buffer.from(serialize(document.task)));
    }
  }
});

await answerStorageQuestions({
  async reads() {
    const start = Buffer.from(account);
    const end = Buffer.concat([start, Buffer.from([0xff])]);
    let count = 0;
    for (const { value } of tasks.getRange({ start, end, limit: plan.listedTasks })) {
      const { recent_runs }: { recent_runs?: { id: string }[] } = deserialize(value);
      count += 1;
      for (const { id } of recent_runs ?? []) {
        const run = runs.get(Buffer.from(id));
        if (!run || deserialize(run)._id !== id) throw new Error('A run is missing.');
      }
    }
    if (count !== plan.listedTasks) throw new Error('Tasks are missing.');
  },
  async writes() {
    const run = newRun();
    const value = Buffer.from(serialize(run));
    await root.transaction(() => {
      runs.put(Buffer.from(run._id), value);
    });
  },
  async indexedWrites() {
    const run = newRun();
    const value = Buffer.from(serialize(run));
    await root.transaction(() => {
      runs.put(Buffer.from(run._id), value);
      for (let index = 0; index < INDEXES; index += 1) {
        const key = `${index}${run.task_id}${run.status}${run.createdAt.getTime()}${run._id}`;
        entries.put(Buffer.from(key), EMPTY);
      }
    });
  },
});
await root.close();
