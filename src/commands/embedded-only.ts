import type { DatabaseSettings } from '../config/settings.ts';
import { UsageError } from './command-line.ts';

/**
 * Refuses to work on the embedded database where the service works on a server.
 * @throws UsageError
 */
export function embeddedOnly(command: string, { uri }: DatabaseSettings, instead: string): void {
  if (uri === undefined) return;
  throw new UsageError(
    command,
    `MONGODB_URI is set, and npm run ${command} is for the embedded database. For a server: ${instead}. For the embedded database: MONGODB_URI= npm run ${command} ...`,
  );
}
