import type { Call, Reply } from '../engine.ts';
import { CommandError } from '../errors.ts';
import { MAX_DOCUMENT_BYTES } from '../raw-bson.ts';
import { MAX_MESSAGE_BYTES } from '../wire.ts';

/** The MongoDB version whose behaviour is the model: 7.0, wire version 21. */
const VERSION = '7.0.0';
const WIRE_VERSION = 21;

/** `hello`, and `isMaster` for older drivers: a standalone server, so that drivers send no transactions or retries. */
export function hello({ args }: Call): Reply {
  args.allowOnly(
    (
      'hello ismaster isMaster helloOk client compression loadBalanced topologyVersion ' +
      'maxAwaitTimeMS saslSupportedMechs speculativeAuthenticate forShell backpressure'
    ).split(' '),
  );
  const primary = args.owner === 'hello' ? { isWritablePrimary: true } : { ismaster: true };
  return {
    helloOk: true,
    ...primary,
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

/** The `ping` command. */
export function ping({ args }: Call): Reply {
  args.allowOnly(['ping']);
  return {};
}

/** The `buildInfo` command. */
export function buildInfo({ args }: Call): Reply {
  args.allowOnly(['buildInfo', 'buildinfo']);
  return {
    version: VERSION,
    versionArray: [7, 0, 0, 0],
    gitVersion: 'embedded',
    modules: ['embedded'],
    bits: 64,
    maxBsonObjectSize: MAX_DOCUMENT_BYTES,
    storageEngines: ['lmdb'],
  };
}

/** The `connectionStatus` command: nobody is authenticated, the socket's file permissions are the guard. */
export function connectionStatus({ args }: Call): Reply {
  args.allowOnly(['connectionStatus', 'showPrivileges']);
  return { authInfo: { authenticatedUsers: [], authenticatedUserRoles: [] } };
}

/** The `getParameter` command: only the feature compatibility version, which tools ask for. */
export function getParameter({ args }: Call): Reply {
  args.allowOnly(['getParameter', 'featureCompatibilityVersion']);
  if (!args.has('featureCompatibilityVersion')) {
    throw new CommandError(72, 'no option found to get, or none that the embedded engine has');
  }
  return { featureCompatibilityVersion: { version: '7.0' } };
}

/** `endSessions`, `killSessions` and the like: sessions are accepted and hold nothing here. */
export function sessions({ args }: Call): Reply {
  args.allowOnly(['endSessions', 'killSessions', 'refreshSessions', 'startSession']);
  return {};
}

/** The `serverStatus` command: what monitoring tools need least. */
export function serverStatus({ args, engine }: Call): Reply {
  args.allowOnly(['serverStatus']);
  return {
    host: 'embedded',
    version: VERSION,
    process: 'embedded',
    pid: process.pid,
    uptime: Math.floor((Date.now() - engine.startedAt.getTime()) / 1000),
    localTime: new Date(),
    storageEngine: { name: 'lmdb', persistent: true },
    metrics: { cursor: { open: { total: engine.cursors.size } } },
  };
}
