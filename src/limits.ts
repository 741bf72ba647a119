import { EnvError, makeValidator } from 'envalid';

/** What a caller and the database may cost. */
export interface Limits {
  /** From the beginning of a connection, or of the next request on it, to the end of the headers. */
  headersTimeoutMs: number;
  /** To the end of the body. */
  requestTimeoutMs: number;
  /** Between two requests of a connection. */
  keepAliveTimeoutMs: number;
  /** In which a connection neither sends nor takes a byte: a reader that stands still holds a batch and a cursor. */
  idleTimeoutMs: number;
  maxHeaderBytes: number;
  maxUrlBytes: number;
  maxBodyBytes: number;
  /** Of reports of runs. */
  maxRunsBodyBytes: number;
  /** Arrays and objects of a body within each other. */
  maxJsonDepth: number;
  maxConnections: number;
  /** Listings without `limit` that are read at a time. */
  maxFullListings: number;
  /** After which a full listing whose reader takes nothing makes room for one that waits. */
  stalledReaderMs: number;
  databasePoolSize: number;
  /** Waiting for a connection of the pool, or for the turn of a full listing. */
  queueTimeoutMs: number;
  /**
   * From a request, its body aside, to the first byte of its reply; for each round trip to the database; and for what a
   * listing still has to read each time its reader can take more.
   */
  operationTimeoutMs: number;
  /** Between being told to end and taking no more connections, while there are any. */
  drainDelayMs: number;
}

/** A whole number in plain digits, within bounds. */
const wholeNumber = (least: number, most: number) =>
  makeValidator<number>((value) => {
    const number = /^(0|[1-9]\d{0,9})$/.test(value) ? Number(value) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new EnvError(`"${value}" is not a whole number from ${least} to ${most}, in digits alone`);
  });

const milliseconds = wholeNumber(1, 3_600_000);
const bytes = wholeNumber(1_024, 67_108_864);
const count = wholeNumber(1, 100_000);

/** The settings of the limits, for config.ts. */
export const limitSettings = {
  HEADERS_TIMEOUT_MS: milliseconds({ default: 10_000 }),
  REQUEST_TIMEOUT_MS: milliseconds({ default: 30_000 }),
  KEEP_ALIVE_TIMEOUT_MS: milliseconds({ default: 65_000 }),
  IDLE_TIMEOUT_MS: milliseconds({ default: 60_000 }),
  MAX_HEADER_BYTES: bytes({ default: 65_536 }),
  MAX_URL_BYTES: bytes({ default: 8_192 }),
  MAX_BODY_BYTES: bytes({ default: 1_048_576 }),
  MAX_RUNS_BODY_BYTES: bytes({ default: 8_388_608 }),
  MAX_JSON_DEPTH: wholeNumber(1, 1_000)({ default: 64 }),
  MAX_CONNECTIONS: count({ default: 1_000 }),
  MAX_FULL_LISTINGS: count({ default: 32 }),
  // The kernel takes from a reply, and tells of it, in lumps of more than a megabyte: who reads 200 kB a second seems to
  // stand still for seven seconds at a time.
  STALLED_READER_MS: milliseconds({ default: 10_000 }),
  DATABASE_POOL_SIZE: count({ default: 50 }),
  QUEUE_TIMEOUT_MS: milliseconds({ default: 3_000 }),
  OPERATION_TIMEOUT_MS: milliseconds({ default: 4_500 }),
  // The process ends within ten seconds, of which requests in flight need some too.
  DRAIN_DELAY_MS: wholeNumber(0, 7_000)({ default: 1_000 }),
};

/** The limits that the settings make. */
export function limitsOf(env: Record<keyof typeof limitSettings, number>): Limits {
  return {
    // The headers are part of the request.
    headersTimeoutMs: Math.min(env.HEADERS_TIMEOUT_MS, env.REQUEST_TIMEOUT_MS),
    requestTimeoutMs: env.REQUEST_TIMEOUT_MS,
    keepAliveTimeoutMs: env.KEEP_ALIVE_TIMEOUT_MS,
    idleTimeoutMs: env.IDLE_TIMEOUT_MS,
    maxHeaderBytes: env.MAX_HEADER_BYTES,
    maxUrlBytes: env.MAX_URL_BYTES,
    maxBodyBytes: env.MAX_BODY_BYTES,
    maxRunsBodyBytes: env.MAX_RUNS_BODY_BYTES,
    maxJsonDepth: env.MAX_JSON_DEPTH,
    maxConnections: env.MAX_CONNECTIONS,
    maxFullListings: env.MAX_FULL_LISTINGS,
    stalledReaderMs: env.STALLED_READER_MS,
    databasePoolSize: env.DATABASE_POOL_SIZE,
    queueTimeoutMs: env.QUEUE_TIMEOUT_MS,
    operationTimeoutMs: env.OPERATION_TIMEOUT_MS,
    drainDelayMs: env.DRAIN_DELAY_MS,
  };
}
