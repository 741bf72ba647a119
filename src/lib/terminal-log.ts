import type { DestinationStream } from 'pino';
import pretty from 'pino-pretty';

/** Formats the addresses in the line that `main.ts` logs when the service listens. Undefined for any other line. */
function addressesOf({ url, docs, data }: Record<string, unknown>): string | undefined {
  if (typeof url !== 'string' || typeof docs !== 'string') return undefined;
  const lines = [`API:  ${url}/api/tasks`, `docs: ${docs}`, `data: ${String(data)}`];
  return lines.map((line) => `\n    ${line}`).join('');
}

/**
 * Returns a log destination for people: local time, level, message and fields on one line.
 * @param destination - stdout by default
 */
export function terminalStream(destination: NodeJS.WritableStream | number = 1): DestinationStream {
  return pretty({
    destination,
    sync: true,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname,url,docs,data',
    messageFormat: (line, messageKey) => `${String(line[messageKey])}${addressesOf(line) ?? ''}`,
  });
}
