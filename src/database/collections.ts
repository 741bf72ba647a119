import type { Collection, Db, IndexSpecification } from 'mongodb';
import type { AccountDocument } from '../accounts/document.ts';
import type { ApiKeyDocument } from '../auth/document.ts';
import type { ClaimDocument } from '../tasks/claim-document.ts';
import type { RunDocument } from '../runs/document.ts';
import type { TaskDocument } from '../tasks/document.ts';

export interface Collections {
  tasks: Collection<TaskDocument>;
  runs: Collection<RunDocument>;
  accounts: Collection<AccountDocument>;
  idempotency_keys: Collection<ClaimDocument>;
  api_keys: Collection<ApiKeyDocument>;
}

/**
 * The order of every listing, newest first, ends each index, so that a filtered page is read from the index in order
 * and stops at its limit.
 */
const TASK_INDEXES: IndexSpecification[] = [
  { created_at: -1, _id: 1 },
  { account_id: 1, created_at: -1, _id: 1 },
  { artist_account_id: 1, created_at: -1, _id: 1 },
];
const RUN_INDEXES: IndexSpecification[] = [
  { task_id: 1, createdAt: -1, _id: -1 },
  { task_id: 1, status: 1, createdAt: -1, _id: -1 },
  { account_id: 1, createdAt: -1, _id: -1 },
  // By status too: a page of rare ones would otherwise read the whole history.
  { account_id: 1, status: 1, createdAt: -1, _id: -1 },
  { createdAt: -1, _id: -1 },
  { status: 1, createdAt: -1, _id: -1 },
];

/** The service's collections in a database. */
export function collectionsOf(db: Db): Collections {
  return {
    tasks: db.collection('tasks'),
    runs: db.collection('runs'),
    accounts: db.collection('accounts'),
    idempotency_keys: db.collection('idempotency_keys'),
    api_keys: db.collection('api_keys'),
  };
}

/**
 * Creates the indexes that are missing; those that exist stay as they are. One command each: FerretDB 1.24 ends the
 * connection when several that exist come in one.
 */
export async function createIndexes({ tasks, runs, idempotency_keys, api_keys }: Collections): Promise<void> {
  for (const index of TASK_INDEXES) await tasks.createIndex(index);
  for (const index of RUN_INDEXES) await runs.createIndex(index);
  await idempotency_keys.createIndex({ expires_at: 1 }, { expireAfterSeconds: 0 });
  await api_keys.createIndex({ hash: 1 }, { unique: true });
}
