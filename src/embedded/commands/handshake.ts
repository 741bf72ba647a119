import type { Call, Reply } from '../engine.ts';
import { MAX_DOCUMENT_BYTES } from '../raw-bson.ts';
import { MAX_MESSAGE_BYTES } from '../wire.ts';

/** Wire version of MongoDB 7.0, whose behavior the engine follows. */
const WIRE_VERSION = 21;

/** `hello` and `ismaster` report a standalone server, so that drivers use neither transactions nor retryable writes. */
export function hello({ args }: Call): Reply {
  return {
    helloOk: true,
    ...(args.group === 'hello' ? { isWritablePrimary: true } : { ismaster: true }),
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    maxMessageSizeBytes: MAX_MESSAGE_BYTES,
    maxWriteBatchSize: 100_000,
    localTime: new Date(),
    logicalSessionTimeoutMinutes: 30,
    minWireVersion: 0,
    maxWireVersion: WIRE_VERSION,
    readOnly: false,
  };
}

/** The commands `ping` and `endSessions`. The engine keeps no session state. */
export function acknowledge(): Reply {
  return {};
}

export function buildInfo(): Reply {
  return {
    version: '7.0.0',
    versionArray: [7, 0, 0, 0],
    gitVersion: 'embedded',
    modules: ['embedded'],
    bits: 64,
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    storageEngines: ['lmdb'],
  };
}
