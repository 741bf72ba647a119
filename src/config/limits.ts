/** Bounds on what callers and the database may cost. Tests pass others than the service has. */
export interface Limits {
  /** From the start of a connection, or of the next request on it, to the end of the headers. */
  headersTimeoutMs: number;
  /** To the end of the body. */
  requestTimeoutMs: number;
  /** Between two requests of a connection. */
  keepAliveTimeoutMs: number;
  /** Idle timeout of a connection, in either direction. */
  idleTimeoutMs: number;
  maxHeaderBytes: number;
  maxUrlBytes: number;
  maxBodyBytes: number;
  /** Size of a report of runs. */
  maxRunsBodyBytes: number;
  /** Nesting depth of arrays and objects in a body. */
  maxJsonDepth: number;
  maxConnections: number;
  /** Bytes of all requests that wait for earlier replies on their connections. */
  maxPipelinedBytes: number;
  /** Bytes of all replies that wait for their clients. */
  maxReplyBytes: number;
  /** A request whose client has neither sent nor read anything for this long is aborted if others need its connection or bytes. */
  stalledReaderMs: number;
  databasePoolSize: number;
  /** Wait for a connection of the pool, or for room in `maxReplyBytes`. */
  queueTimeoutMs: number;
  /**
   * From a request, its body aside, to the first byte of its reply; for each round trip to the database; and for each
   * batch of a streamed listing.
   */
  operationTimeoutMs: number;
  /** Between SIGTERM and the end of accepting connections. */
  drainDelayMs: number;
}

/** The limits that are not settings. */
export const FIXED_LIMITS = {
  // Headers arrive in one piece from every real client; a slow sender of them is an attack or a broken network.
  headersTimeoutMs: 10_000,
  // 8 MiB at 280 kB/s.
  requestTimeoutMs: 30_000,
  // Longer than any pause of a client that still reads.
  idleTimeoutMs: 60_000,
  // Browsers send up to 16 KiB of cookies to a host, proxies add to them.
  maxHeaderBytes: 65_536,
  // The longest URL of the API, with every parameter at its maximum, has less than 6,000 bytes.
  maxUrlBytes: 8_192,
  // The longest task fits, even with every character escaped.
  maxBodyBytes: 1_048_576,
  // A hundred runs with 80 kB each.
  maxRunsBodyBytes: 8_388_608,
  // MongoDB accepts 100 levels; a run adds a few to those of its payload.
  maxJsonDepth: 64,
  // Enough for a hundred connections with fifty small requests each. Common clients do not pipeline requests.
  maxPipelinedBytes: 33_554_432,
  // A quarter of the 512 MB that compose.yaml and the systemd unit give the process: it starts with about 130 MB, caches take
  // 64 MB, and 32 streamed listings fit.
  maxReplyBytes: 134_217_728,
  // The kernel reports what a client has read in lumps of more than a megabyte: a client that reads 200 kB/s seems to
  // pause for seven seconds at a time.
  stalledReaderMs: 10_000,
  databasePoolSize: 50,
  queueTimeoutMs: 3_000,
  // Below the five seconds after which common clients and probes give up.
  operationTimeoutMs: 4_500,
} satisfies Partial<Limits>;
