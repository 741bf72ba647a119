/** Limits on what callers and the database may consume. Tests pass their own values. */
export interface Limits {
  /** Time limit from the start of a connection, or of the next request on it, to the end of the headers. */
  headersTimeoutMs: number;
  /** Time limit from the start of a request to the end of its body. */
  requestTimeoutMs: number;
  /** Maximum idle time between two requests on a connection. */
  keepAliveTimeoutMs: number;
  /** A connection on which no byte passes in either direction for this long is closed. */
  idleTimeoutMs: number;
  maxHeaderBytes: number;
  maxUrlBytes: number;
  maxBodyBytes: number;
  /** Maximum size of the body of recordRuns. */
  maxRunsBodyBytes: number;
  /** Maximum nesting depth of arrays and objects in a body. */
  maxJsonDepth: number;
  maxConnections: number;
  /** Maximum total size of pipelined requests that wait for earlier replies on their connections. */
  maxPipelinedBytes: number;
  /** Maximum total size of replies that wait for their clients. */
  maxReplyBytes: number;
  /**
   * A request is aborted if its client has neither sent nor read anything for this long, and other requests need its
   * connection or its share of `maxReplyBytes`.
   */
  stalledReaderMs: number;
  databasePoolSize: number;
  /** Maximum time that a request waits for a connection from the database pool, or for room in `maxReplyBytes`. */
  queueTimeoutMs: number;
  /**
   * Time limit of each database round trip, of each batch of a streamed listing, and of each request up to the first
   * byte of its reply. The upload of a request's body does not count.
   */
  operationTimeoutMs: number;
  /** Time between SIGTERM and the moment the service stops accepting connections. */
  drainDelayMs: number;
}

/** The limits that no setting can change. */
export const FIXED_LIMITS = {
  // Real clients send their headers in one piece. Slow headers mean an attack or a broken network.
  headersTimeoutMs: 10_000,
  // Enough for 8 MiB at 280 kB/s.
  requestTimeoutMs: 30_000,
  // Longer than any pause of a client that still reads.
  idleTimeoutMs: 60_000,
  // Browsers send up to 16 KiB of cookies per host, and proxies add headers.
  maxHeaderBytes: 65_536,
  // The longest URL of the API, with every parameter at its maximum, is shorter than 6,000 bytes.
  maxUrlBytes: 8_192,
  // Fits the longest task, even with every character escaped.
  maxBodyBytes: 1_048_576,
  // Fits a hundred runs of 80 kB each.
  maxRunsBodyBytes: 8_388_608,
  // MongoDB accepts 100 levels, and the document of a run adds a few levels to those of its payload.
  maxJsonDepth: 64,
  // Fits a hundred connections with fifty small requests each. Common clients do not pipeline requests.
  maxPipelinedBytes: 33_554_432,
  // A quarter of the 512 MB that compose.yaml and the systemd unit give the process. The process starts with about 130
  // MB, caches take 64 MB, and 32 streamed listings fit.
  maxReplyBytes: 134_217_728,
  // The kernel reports reads in steps of more than a megabyte. A client that reads 200 kB/s therefore seems to pause
  // for seven seconds.
  stalledReaderMs: 10_000,
  databasePoolSize: 50,
  queueTimeoutMs: 3_000,
  // Common clients and probes give up after five seconds.
  operationTimeoutMs: 4_500,
} satisfies Partial<Limits>;
