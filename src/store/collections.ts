import {
  type Collection,
  type CreateIndexesOptions,
  type Db,
  type IndexSpecification,
  MongoServerError,
} from 'mongodb';
import type { AccountDocument } from './account-document.ts';
import type { StoredKey } from './key-document.ts';
import type { CancelRequest } from './cancel-request.ts';
import type { ClaimDocument } from './claim-document.ts';
import type { EngineDocument } from './engine-document.ts';
import type { OccurrenceDocument } from './occurrence-document.ts';
import type { QueuedRun } from './queue-document.ts';
import type { RunDocument } from './run-document.ts';
import type { TaskDocument } from './task-document.ts';
import type { TombstoneDocument } from './tombstone-document.ts';
import type { TriggerDocument } from './trigger-document.ts';

/** A document of the collection `upgrades`. It records that an upgrade of stored documents is complete. */
export interface UpgradeDocument {
  _id: string;
}

export interface Collections {
  tasks: Collection<TaskDocument>;
  runs: Collection<RunDocument>;
  accounts: Collection<AccountDocument>;
  idempotency_keys: Collection<ClaimDocument>;
  api_keys: Collection<StoredKey>;
  run_queue: Collection<QueuedRun>;
  occurrences: Collection<OccurrenceDocument>;
  engine: Collection<EngineDocument>;
  deleted_tasks: Collection<TombstoneDocument>;
  cancel_requests: Collection<CancelRequest>;
  trigger: Collection<TriggerDocument>;
  upgrades: Collection<UpgradeDocument>;
}

/**
 * The first three indexes follow the order of task listings, newest first, so that a page is an index scan that stops
 * at the page limit. Because of the fields after the sort keys, an index also covers the query for the versions of
 * listed tasks, unless the filter has words.
 */
const TASK_INDEXES: IndexSpecification[] = [
  { created_at: -1, _id: 1, version: 1, enabled: 1 },
  { account_id: 1, created_at: -1, _id: 1, version: 1, enabled: 1, artist_account_id: 1 },
  { artist_account_id: 1, created_at: -1, _id: 1, version: 1, enabled: 1 },
  // For the engine's query for tasks that are due.
  { next_fire_at: 1 },
];
const INDEX_NOT_FOUND = 27;

/**
 * Options for upgrades and index builds, which take minutes on a large collection. The socket timeout of requests would
 * abort them on every start. The driver accepts this option per command, although its types omit it.
 */
export const LONG_TIMEOUT = { socketTimeoutMS: 3_600_000 };
const INDEX_OPTIONS: CreateIndexesOptions & typeof LONG_TIMEOUT = LONG_TIMEOUT;

/** Default names of indexes that earlier versions created and that the indexes above replace. */
const SUPERSEDED_TASK_INDEXES = new Set([
  'created_at_-1__id_1',
  'account_id_1_created_at_-1__id_1',
  'artist_account_id_1_created_at_-1__id_1',
]);

const RUN_INDEXES: IndexSpecification[] = [
  { task_id: 1, createdAt: -1, _id: -1 },
  { task_id: 1, status: 1, createdAt: -1, _id: -1 },
  { account_id: 1, createdAt: -1, _id: -1 },
  // Without `status` in the index, a page of a rare status would scan the whole history of the account.
  { account_id: 1, status: 1, createdAt: -1, _id: -1 },
  { createdAt: -1, _id: -1 },
  { status: 1, createdAt: -1, _id: -1 },
];

const QUEUE_INDEXES: IndexSpecification[] = [
  // Finds the next run to claim, account by account.
  { owner: 1, account_id: 1, not_before: 1 },
  { task_id: 1 },
  // With `_id`, the index covers the query that counts the queued runs of an account.
  { account_id: 1, _id: 1 },
];

const OCCURRENCE_INDEXES: IndexSpecification[] = [
  { task_id: 1, scheduled_at: -1, _id: 1 },
  { account_id: 1, scheduled_at: -1, _id: 1 },
  { scheduled_at: -1, _id: 1 },
];

export function collectionsOf(db: Db): Collections {
  return {
    tasks: db.collection('tasks'),
    runs: db.collection('runs'),
    accounts: db.collection('accounts'),
    idempotency_keys: db.collection('idempotency_keys'),
    api_keys: db.collection('api_keys'),
    run_queue: db.collection('run_queue'),
    occurrences: db.collection('occurrences'),
    engine: db.collection('engine'),
    deleted_tasks: db.collection('deleted_tasks'),
    cancel_requests: db.collection('cancel_requests'),
    trigger: db.collection('trigger'),
    upgrades: db.collection('upgrades'),
  };
}

/**
 * Returns a health probe: a query that matches nothing but needs the same permissions as requests. A ping would succeed
 * without any permission.
 */
export const probeOf =
  ({ tasks }: Pick<Collections, 'tasks'>) =>
  (maxTimeMS: number) =>
    tasks.findOne({ _id: '' }, { projection: { _id: 1 }, maxTimeMS });

/**
 * Creates missing indexes and drops superseded ones. Leaves all other indexes alone. Sends one command per index:
 * FerretDB 1.24 closes the connection if one command names several existing indexes.
 */
export async function createIndexes(collections: Collections): Promise<void> {
  const { tasks, runs, idempotency_keys, api_keys, run_queue, occurrences } = collections;
  const { cancel_requests, deleted_tasks } = collections;
  for (const index of TASK_INDEXES) await tasks.createIndex(index, INDEX_OPTIONS);
  await dropSuperseded(tasks);
  for (const index of RUN_INDEXES) await runs.createIndex(index, INDEX_OPTIONS);
  for (const index of QUEUE_INDEXES) await run_queue.createIndex(index, INDEX_OPTIONS);
  for (const index of OCCURRENCE_INDEXES) await occurrences.createIndex(index, INDEX_OPTIONS);
  await run_queue.createIndex({ slot: 1 }, { ...INDEX_OPTIONS, unique: true });
  await occurrences.createIndex({ expires_at: 1 }, { ...INDEX_OPTIONS, expireAfterSeconds: 0 });
  await idempotency_keys.createIndex({ expires_at: 1 }, { ...INDEX_OPTIONS, expireAfterSeconds: 0 });
  await deleted_tasks.createIndex({ pending: 1 }, INDEX_OPTIONS);
  await deleted_tasks.createIndex({ expires_at: 1 }, { ...INDEX_OPTIONS, expireAfterSeconds: 0 });
  await cancel_requests.createIndex({ expires_at: 1 }, { ...INDEX_OPTIONS, expireAfterSeconds: 0 });
  await api_keys.createIndex({ hash: 1 }, { ...INDEX_OPTIONS, unique: true });
}

/**
 * Drops the superseded indexes. If an index has such a name but another key, keeps it: it may belong to someone else.
 */
async function dropSuperseded(tasks: Collections['tasks']): Promise<void> {
  for (const { name, key } of await tasks.indexes()) {
    const defaultName = Object.entries(key).flat().join('_');
    if (name !== defaultName || !SUPERSEDED_TASK_INDEXES.has(name)) continue;
    try {
      await tasks.dropIndex(name);
    } catch (error) {
      // Another process that started at the same time has already dropped the index.
      if (!(error instanceof MongoServerError && error.code === INDEX_NOT_FOUND)) throw error;
    }
  }
}
