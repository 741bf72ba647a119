import { type DestinationStream, type LevelWithSilent, type Logger, pino } from 'pino';

const MAX_CAUSES = 5;

/**
 * Serializes an error for the log, without its data. pino would log all properties. The driver's errors contain the
 * documents that could not be written. A server's error details contain the rejected values.
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

/** Creates the log of the service and its commands: JSON lines, by default to stdout. */
export function createLog(level: LevelWithSilent, destination?: DestinationStream): Logger {
  const options = { level, serializers: { err: (error: unknown) => describeError(error) } };
  return destination ? pino(options, destination) : pino(options);
}
