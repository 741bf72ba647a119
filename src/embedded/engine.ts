import type { Arguments } from './arguments.ts';
import type { Encodable } from './bson-writer.ts';
import type { Cursors } from './cursors.ts';
import type { EngineLog, Janitor } from './janitor.ts';
import type { Store } from './store.ts';

/** The parts of the engine that commands use. */
export interface Engine {
  readonly store: Store;
  readonly cursors: Cursors;
  readonly janitor: Janitor;
  readonly log: EngineLog;
}

/** A command's arguments and the database it was sent to. */
export interface Call {
  readonly engine: Engine;
  readonly args: Arguments;
  readonly db: string;
}

/** The fields of a successful reply, without `ok: 1`. */
export type Reply = Readonly<Record<string, Encodable>>;
export type Command = (call: Call) => Reply | Promise<Reply>;
