import { Arguments } from './arguments.ts';
import { encodeDocument } from './bson-writer.ts';
import { explain } from './commands/explain.ts';
import { findAndModify } from './commands/find-and-modify.ts';
import { find, getMore, killCursors } from './commands/find.ts';
import { acknowledge, buildInfo, hello } from './commands/handshake.ts';
import { createIndexes, dropIndexes, listIndexes } from './commands/indexes.ts';
import { count, create, drop, dropDatabase, listCollections, listDatabases } from './commands/list.ts';
import { insert, remove, update } from './commands/write.ts';
import type { Command, Engine } from './engine.ts';
import { reasonOf } from '../lib/system-errors.ts';
import { CommandError } from './errors.ts';
import { checkDatabaseName } from './namespaces.ts';
import { TYPE, fieldsOf, textOf } from './raw-bson.ts';
import { errorDocument } from './server.ts';
import { replaceAll } from './staging.ts';
import { type NameIn, supported } from './supported.ts';
import type { Message } from './wire.ts';

const COMMANDS: Readonly<Record<NameIn<'commands'>, Command>> = {
  hello,
  ismaster: hello,
  endSessions: acknowledge,
  ping: acknowledge,
  buildInfo,
  explain,
  find,
  getMore,
  killCursors,
  count,
  insert,
  update,
  delete: remove,
  findAndModify,
  create,
  drop,
  dropDatabase,
  listCollections,
  listDatabases,
  createIndexes,
  listIndexes,
  dropIndexes,
  replaceAllByStaged: replaceAll,
};

/** Runs one command and encodes its reply, which has ok: 0 after an error. Logs errors other than CommandError. */
export async function dispatch(engine: Engine, message: Message): Promise<Buffer> {
  const fields = fieldsOf(message.body);
  const name = fields[0]?.[0] ?? '';
  try {
    const command = supported('commands', name, 59);
    const args = new Arguments(command, fields, message.sequences);
    const reply = await COMMANDS[command]({ engine, args, db: databaseOf(message, args) });
    return encodeDocument({ ...reply, ok: 1 });
  } catch (error) {
    if (error instanceof CommandError) return errorDocument(error);
    engine.log.error({ err: error, command: name }, 'the embedded database failed to run a command');
    return errorDocument(new CommandError(1, `'${name}' failed in the embedded engine: ${reasonOf(error)}`));
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
