import { type DestinationStream, type LevelWithSilent, type Logger, pino } from 'pino';

/** Errors that one was caused by, at most. */
const MAX_CAUSES = 5;

/**
 * What the log says of an error: where it came from, and nothing that it carries. pino would write all its properties, and
 * the driver's have the documents that could not be written, a server's explanation the values that it refused.
 */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = 'code' in error && ['string', 'number'].includes(typeof error.code) ? error.code : undefined;
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...(code !== undefined && { code }),
    ...(error.cause !== undefined && depth < MAX_CAUSES && { cause: describeError(error.cause, depth + 1) }),
  };
}

/** The log of the service and its commands: JSON lines, to stdout unless it is told otherwise. */
export function createLog(level: LevelWithSilent, destination?: DestinationStream): Logger {
  const options = { level, serializers: { err: (error: unknown) => describeError(error) } };
  return destination ? pino(options, destination) : pino(options);
}
