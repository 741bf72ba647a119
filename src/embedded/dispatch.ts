import { Arguments } from './arguments.ts';
import { encodeDocument } from './bson-writer.ts';
import { aggregate } from './commands/aggregate.ts';
import { count, distinct } from './commands/count.ts';
import { explain } from './commands/explain.ts';
import { findAndModify } from './commands/find-and-modify.ts';
import { find, getMore, killCursors } from './commands/find.ts';
import {
  buildInfo,
  connectionStatus,
  getParameter,
  hello,
  ping,
  serverStatus,
  sessions,
} from './commands/handshake.ts';
import { createIndexes, dropIndexes, listIndexes } from './commands/indexes.ts';
import { create, drop, dropDatabase, listCollections, listDatabases } from './commands/list.ts';
import { replaceAll } from './commands/replace-all.ts';
import { insert, remove, update } from './commands/write.ts';
import { errorDocument } from './connection.ts';
import type { Command, Engine } from './engine.ts';
import { CommandError, reasonOf } from './errors.ts';
import { checkDatabaseName } from './namespaces.ts';
import { TYPE, fieldsOf, textOf } from './raw-bson.ts';
import type { Message } from './wire.ts';

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ...['hello', 'isMaster', 'ismaster'].map((name): [string, Command] => [name, hello]),
  ...['buildInfo', 'buildinfo'].map((name): [string, Command] => [name, buildInfo]),
  ...['findAndModify', 'findandmodify'].map((name): [string, Command] => [name, findAndModify]),
  ...['dropIndexes', 'deleteIndexes'].map((name): [string, Command] => [name, dropIndexes]),
  ...['endSessions', 'killSessions', 'refreshSessions', 'startSession'].map((name): [string, Command] => [
    name,
    sessions,
  ]),
  ['ping', ping],
  ['connectionStatus', connectionStatus],
  ['getParameter', getParameter],
  ['serverStatus', serverStatus],
  ['find', find],
  ['getMore', getMore],
  ['killCursors', killCursors],
  ['count', count],
  ['distinct', distinct],
  ['aggregate', aggregate],
  ['explain', explain],
  ['insert', insert],
  ['update', update],
  ['delete', remove],
  ['createIndexes', createIndexes],
  ['listIndexes', listIndexes],
  ['listCollections', listCollections],
  ['listDatabases', listDatabases],
  ['create', create],
  ['drop', drop],
  ['dropDatabase', dropDatabase],
  ['replaceAllByStaged', replaceAll],
]);

/** Runs one command and encodes its reply. Failures become a reply with ok: 0; unexpected ones are logged too. */
export async function dispatch(engine: Engine, message: Message): Promise<Buffer> {
  const fields = fieldsOf(message.body);
  const name = fields[0]?.[0] ?? '';
  try {
    const command = COMMANDS.get(name);
    if (!command) {
      throw new CommandError(
        59,
        `no such command: '${name}' in the embedded engine; set MONGODB_URI to use a real MongoDB`,
      );
    }
    const args = new Arguments(name, fields, message.sequences);
    const reply = await command({ engine, args, db: databaseOf(message, args) });
    return encodeDocument({ ...reply, ok: 1 });
  } catch (error) {
    if (error instanceof CommandError) return errorDocument(error);
    engine.log.error({ err: error, command: name }, 'the embedded database failed to run a command');
    return errorDocument(new CommandError(1, `the embedded engine failed: ${reasonOf(error)}`));
  }
}

function databaseOf(message: Message, args: Arguments): string {
  const db = args.value('$db');
  if (message.legacy && !db) return 'admin';
  if (db?.type !== TYPE.string) throw new CommandError(40414, "OP_MSG requests require a '$db' argument");
  const name = textOf(db);
  checkDatabaseName(name);
  return name;
}
