import { CommandError } from './errors.ts';

// Reasons to keep what nothing in src/ sends.
const HANDSHAKE = 'handshake: the driver sends it on its own';
const MONGOSH = 'mongosh: it sends this to connect, to list and to find';
const EXPLAIN = 'explain: tests read the plan of a find';
const REGEX = '$regex: for a search in texts';

const HELLO = {
  hello: HANDSHAKE,
  ismaster: HANDSHAKE,
  helloOk: HANDSHAKE,
  client: HANDSHAKE,
  compression: HANDSHAKE,
  backpressure: HANDSHAKE,
} as const;

/**
 * All that the engine answers to, by group: commands, the fields of each command and of the documents in it, operators.
 * An entry names a file that sends it, or a reason to keep it. The engine refuses what is not listed here, and `npm test`
 * fails on an entry with a file if nothing in src/ has sent it (test/support/traffic).
 */
export const SUPPORTED = {
  commands: {
    hello: HANDSHAKE,
    ismaster: HANDSHAKE,
    endSessions: HANDSHAKE,
    ping: MONGOSH,
    buildInfo: MONGOSH,
    connectionStatus: MONGOSH,
    getParameter: MONGOSH,
    explain: EXPLAIN,
    find: 'src/tasks/store.ts',
    getMore: 'src/runs/repair.ts',
    killCursors: HANDSHAKE,
    count: 'scripts/repair.ts',
    insert: 'src/tasks/store.ts',
    update: 'src/runs/store.ts',
    delete: 'src/runs/retention.ts',
    findAndModify: 'src/tasks/store.ts',
    create: 'src/embedded/backup/restore.ts',
    drop: 'src/migration/target.ts',
    dropDatabase: 'src/embedded/backup/restore.ts',
    listCollections: 'src/embedded/backup/restore.ts',
    listDatabases: 'src/embedded/backup/restore.ts',
    createIndexes: 'src/database/collections.ts',
    listIndexes: 'src/database/collections.ts',
    dropIndexes: 'src/database/collections.ts',
    replaceAllByStaged: 'src/embedded/backup/restore.ts',
  },
  'any command': {
    $db: HANDSHAKE,
    lsid: HANDSHAKE,
    $readPreference: HANDSHAKE,
    writeConcern: 'src/migration/target.ts',
  },
  hello: HELLO,
  ismaster: HELLO,
  endSessions: { endSessions: HANDSHAKE },
  ping: { ping: MONGOSH },
  buildInfo: { buildInfo: MONGOSH },
  connectionStatus: { connectionStatus: MONGOSH, showPrivileges: MONGOSH },
  getParameter: { getParameter: MONGOSH, featureCompatibilityVersion: MONGOSH },
  explain: { explain: EXPLAIN, verbosity: EXPLAIN },
  find: {
    find: 'src/tasks/store.ts',
    filter: 'src/tasks/store.ts',
    projection: 'src/tasks/store.ts',
    sort: 'src/tasks/store.ts',
    limit: 'src/tasks/store.ts',
    batchSize: 'src/tasks/store.ts',
    singleBatch: 'src/auth/store.ts',
    maxTimeMS: 'src/database/watch.ts',
  },
  getMore: {
    getMore: 'src/runs/repair.ts',
    collection: 'src/runs/repair.ts',
    batchSize: 'src/runs/settlement.ts',
  },
  killCursors: { killCursors: HANDSHAKE, cursors: HANDSHAKE },
  count: { count: 'scripts/repair.ts' },
  insert: {
    insert: 'src/tasks/store.ts',
    documents: 'src/tasks/store.ts',
    ordered: 'src/tasks/store.ts',
  },
  update: {
    update: 'src/runs/store.ts',
    updates: 'src/runs/store.ts',
    ordered: 'src/runs/store.ts',
  },
  'update.updates': {
    q: 'src/runs/store.ts',
    u: 'src/runs/store.ts',
    upsert: 'src/runs/report.ts',
    multi: 'src/runs/settlement.ts',
  },
  delete: {
    delete: 'src/runs/retention.ts',
    deletes: 'src/runs/retention.ts',
    ordered: 'src/runs/retention.ts',
  },
  'delete.deletes': { q: 'src/runs/retention.ts', limit: 'src/runs/retention.ts' },
  findAndModify: {
    findAndModify: 'src/tasks/store.ts',
    query: 'src/tasks/store.ts',
    update: 'src/tasks/store.ts',
    remove: 'src/tasks/store.ts',
    new: 'src/tasks/store.ts',
    upsert: 'src/accounts/store.ts',
    fields: 'src/runs/settlement.ts',
  },
  create: { create: 'src/embedded/backup/restore.ts' },
  drop: { drop: 'src/migration/target.ts' },
  dropDatabase: { dropDatabase: 'src/embedded/backup/restore.ts' },
  listCollections: {
    listCollections: 'src/embedded/backup/restore.ts',
    filter: 'src/migration/verify.ts',
    cursor: 'src/embedded/backup/restore.ts',
    nameOnly: 'src/embedded/backup/restore.ts',
    authorizedCollections: MONGOSH,
  },
  listDatabases: {
    listDatabases: 'src/embedded/backup/restore.ts',
    nameOnly: 'src/embedded/backup/restore.ts',
  },
  createIndexes: {
    createIndexes: 'src/database/collections.ts',
    indexes: 'src/database/collections.ts',
  },
  'createIndexes.indexes': {
    key: 'src/database/collections.ts',
    name: 'src/database/collections.ts',
    unique: 'src/database/collections.ts',
    expireAfterSeconds: 'src/database/collections.ts',
  },
  listIndexes: {
    listIndexes: 'src/database/collections.ts',
    cursor: 'src/database/collections.ts',
  },
  dropIndexes: {
    dropIndexes: 'src/database/collections.ts',
    index: 'src/database/collections.ts',
  },
  replaceAllByStaged: {
    replaceAllByStaged: 'src/embedded/backup/restore.ts',
    collections: 'src/embedded/backup/restore.ts',
  },
  'replaceAllByStaged.collections': {
    staged: 'src/embedded/backup/restore.ts',
    db: 'src/embedded/backup/restore.ts',
    name: 'src/embedded/backup/restore.ts',
    count: 'src/embedded/backup/restore.ts',
    indexes: 'src/embedded/backup/restore.ts',
  },
  'query operators': {
    $and: 'src/tasks/store.ts',
    $or: 'src/tasks/store.ts',
    $ne: 'src/tasks/store.ts',
    $gt: 'src/tasks/store.ts',
    $gte: 'src/runs/filter.ts',
    $lt: 'src/tasks/store.ts',
    $lte: 'src/tasks/store.ts',
    $in: 'src/tasks/store.ts',
    $nin: 'src/runs/report.ts',
    $exists: 'src/auth/store.ts',
    $regex: REGEX,
    $options: REGEX,
  },
  'update operators': {
    $set: 'src/tasks/store.ts',
    $setOnInsert: 'src/accounts/store.ts',
    $unset: 'src/tasks/store.ts',
    $inc: 'src/tasks/store.ts',
    $max: 'src/auth/store.ts',
    $push: 'src/runs/settlement.ts',
    $pullAll: 'src/runs/settlement.ts',
  },
  '$push modifiers': { $each: 'src/runs/settlement.ts', $slice: 'src/runs/settlement.ts' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;

export type Group = keyof typeof SUPPORTED;
export type NameIn<G extends Group> = Extract<keyof (typeof SUPPORTED)[G], string>;

/** Whether the group has an entry of that name. */
export function isSupported<G extends Group>(group: G, name: string): name is NameIn<G> {
  return Object.hasOwn(SUPPORTED[group], name);
}

/**
 * The name, if the group has an entry of it.
 * @throws CommandError with that code, which names what is supported
 */
export function supported<G extends Group>(group: G, name: string, code: number): NameIn<G> {
  if (isSupported(group, name)) return name;
  const names = Object.keys(SUPPORTED[group]).join(', ');
  throw new CommandError(
    code,
    `'${name}' is not supported by the embedded engine; of '${group}' it has: ${names}. Set MONGODB_URI to use a real MongoDB.`,
  );
}
