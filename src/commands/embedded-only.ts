import type { DatabaseSettings } from '../config/settings.ts';
import { UsageError, commandLine } from './command-line.ts';

/**
 * If the service is configured for a MongoDB server, refuses a command that works only on the embedded database.
 * @param instead - the command that does the same on a server, for the error message
 * @throws UsageError
 */
export function embeddedOnly(command: string, { uri }: DatabaseSettings, instead: string): void {
  if (uri === undefined) return;
  throw new UsageError(
    command,
    `This command works on the embedded database, but MONGODB_URI is set. For a server, use: ${instead}. For the embedded database, use: MONGODB_URI= ${commandLine(command)} ...`,
  );
}
