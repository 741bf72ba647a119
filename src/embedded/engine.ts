import type { Arguments } from './arguments.ts';
import type { Encodable } from './bson-writer.ts';
import type { Cursors } from './cursors.ts';
import type { EngineLog, Janitor } from './janitor.ts';
import type { Store } from './store.ts';

/** The parts of the running engine that its commands use. */
export interface Engine {
  readonly store: Store;
  readonly cursors: Cursors;
  readonly janitor: Janitor;
  readonly log: EngineLog;
}

/** One execution of a command: the engine, the arguments, and the database in the field `$db`. */
export interface Call {
  readonly engine: Engine;
  readonly args: Arguments;
  readonly db: string;
}

/** The fields of a successful command's reply, except `ok: 1`, which dispatch() adds. */
export type Reply = Readonly<Record<string, Encodable>>;
export type Command = (call: Call) => Reply | Promise<Reply>;
