import { CommandError } from './errors.ts';

// Reasons to support a name that no code in src/ sends.
const DRIVER = 'the driver sends it on its own';
const MONGOSH = 'mongosh sends it to connect, to list and to find';
const EXPLAIN = 'tests read the plan of a find';
const FIXTURES = 'tests prepare stored documents with it';

// Files that send the names listed under them.
const TASKS = 'src/store/task-store.ts';
const RUNS = 'src/store/run-store.ts';
const RUN_FILTER = 'src/store/run-filter.ts';
const REPORTS = 'src/store/run-report.ts';
const SETTLEMENT = 'src/store/settlement.ts';
const RETENTION = 'src/store/retention.ts';
const KEYS = 'src/store/key-store.ts';
const COLLECTIONS = 'src/store/collections.ts';
const RESTORE = 'src/embedded/backup/restore.ts';
const MIGRATION = 'src/commands/migration/target.ts';
const VERIFY = 'src/commands/migration/verify.ts';
const REPAIR = 'src/commands/repair.ts';

const HELLO = {
  [DRIVER]: ['hello', 'ismaster', 'helloOk', 'client', 'compression', 'backpressure'],
} as const;

/**
 * The commands, command fields, document fields and operators that the engine supports. The engine refuses all other
 * names. Each group lists a name under a file that sends it, or under a reason to support it. `npm test` fails if src/
 * never sends a name that is listed under a file (test/support/traffic).
 */
export const SUPPORTED = {
  commands: {
    [DRIVER]: ['hello', 'ismaster', 'endSessions', 'killCursors'],
    [MONGOSH]: ['ping', 'buildInfo'],
    [EXPLAIN]: ['explain'],
    [TASKS]: ['find', 'insert', 'findAndModify'],
    [RUNS]: ['update', 'getMore'],
    [RETENTION]: ['delete'],
    [COLLECTIONS]: ['createIndexes', 'listIndexes', 'dropIndexes'],
    [RESTORE]: ['create', 'dropDatabase', 'listCollections', 'listDatabases', 'replaceAllByStaged'],
    [MIGRATION]: ['drop'],
    [REPAIR]: ['count'],
  },
  'any command': { [DRIVER]: ['$db', 'lsid', '$readPreference'], [MIGRATION]: ['writeConcern'] },
  hello: HELLO,
  ismaster: HELLO,
  endSessions: { [DRIVER]: ['endSessions'] },
  ping: { [MONGOSH]: ['ping'] },
  buildInfo: { [MONGOSH]: ['buildInfo'] },
  explain: { [EXPLAIN]: ['explain', 'verbosity'] },
  find: {
    [TASKS]: ['find', 'filter', 'projection', 'sort', 'limit', 'batchSize'],
    [KEYS]: ['singleBatch'],
    [COLLECTIONS]: ['maxTimeMS'],
  },
  getMore: { [RUNS]: ['getMore', 'collection', 'batchSize'] },
  killCursors: { [DRIVER]: ['killCursors', 'cursors'] },
  count: { [REPAIR]: ['count'] },
  insert: { [TASKS]: ['insert', 'documents', 'ordered'] },
  update: { [RUNS]: ['update', 'updates', 'ordered'] },
  'update.updates': { [RUNS]: ['q', 'u'], [REPORTS]: ['upsert'], [FIXTURES]: ['multi'] },
  delete: { [RETENTION]: ['delete', 'deletes', 'ordered'] },
  'delete.deletes': { [RETENTION]: ['q', 'limit'] },
  findAndModify: {
    [TASKS]: ['findAndModify', 'query', 'update', 'remove', 'upsert', 'new'],
    [SETTLEMENT]: ['fields'],
  },
  create: { [RESTORE]: ['create'] },
  drop: { [MIGRATION]: ['drop'] },
  dropDatabase: { [RESTORE]: ['dropDatabase'] },
  listCollections: {
    [RESTORE]: ['listCollections', 'cursor', 'nameOnly'],
    [VERIFY]: ['filter'],
    [MONGOSH]: ['authorizedCollections'],
  },
  listDatabases: { [RESTORE]: ['listDatabases', 'nameOnly'] },
  createIndexes: { [COLLECTIONS]: ['createIndexes', 'indexes'] },
  'createIndexes.indexes': { [COLLECTIONS]: ['key', 'name', 'unique', 'expireAfterSeconds'] },
  listIndexes: { [COLLECTIONS]: ['listIndexes', 'cursor'] },
  dropIndexes: { [COLLECTIONS]: ['dropIndexes', 'index'] },
  replaceAllByStaged: { [RESTORE]: ['replaceAllByStaged', 'collections'] },
  'replaceAllByStaged.collections': { [RESTORE]: ['staged', 'db', 'name', 'count', 'indexes'] },
  'query operators': {
    [TASKS]: ['$and', '$or', '$ne', '$gt', '$lt', '$lte', '$in', '$regex', '$options'],
    [RUN_FILTER]: ['$gte'],
    [REPORTS]: ['$nin'],
    [SETTLEMENT]: ['$exists'],
  },
  'update operators': {
    [TASKS]: ['$set', '$inc'],
    [REPORTS]: ['$unset', '$setOnInsert'],
    [KEYS]: ['$max'],
    [SETTLEMENT]: ['$push', '$pullAll'],
  },
  '$push modifiers': { [SETTLEMENT]: ['$each', '$slice'] },
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

type Table = typeof SUPPORTED;
export type Group = keyof Table;
type ListsIn<Senders> = Senders[keyof Senders];
export type NameIn<G extends Group> = Extract<ListsIn<Table[G]>, readonly string[]>[number];

const NAMES: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(SUPPORTED).map(([group, senders]) => [
    group,
    new Set<string>(Object.values(senders).flat()),
  ]),
);

export function isSupported<G extends Group>(group: G, name: string): name is NameIn<G> {
  return NAMES.get(group)?.has(name) === true;
}

/**
 * Returns `name`, typed as one of the group's names.
 * @throws CommandError with `code` if the group lacks the name; the message lists the group's names
 */
export function supported<G extends Group>(group: G, name: string, code: number): NameIn<G> {
  if (isSupported(group, name)) return name;
  const names = [...(NAMES.get(group) ?? [])].join(', ');
  throw new CommandError(
    code,
    `'${name}' is not supported by the embedded engine; for '${group}' it supports ${names}. Set MONGODB_URI to use a MongoDB server.`,
  );
}
