import type { DatabaseSettings } from '../config/settings.ts';
import { UsageError } from './command-line.ts';

/**
 * Refuses a command for the embedded database if the service uses a MongoDB server.
 * @throws UsageError
 */
export function embeddedOnly(command: string, { uri }: DatabaseSettings, instead: string): void {
  if (uri === undefined) return;
  throw new UsageError(
    command,
    `npm run ${command} works on the embedded database, but MONGODB_URI is set. For a server, use: ${instead}. For the embedded database, use: MONGODB_URI= npm run ${command} ...`,
  );
}
