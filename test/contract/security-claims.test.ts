import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { hasTitle, proofsOf, unreadProofs } from '../support/claims.ts';

const RISKS = Array.from({ length: 10 }, (_, at) => `API${at + 1}`);

/** The rows of both tables: of what executes tasks, and of the risks. */
const rows = readFileSync('SECURITY.md', 'utf8')
  .split('\n')
  .filter((line) => /^\| (API\d|RUN_|TRIGGER_)/.test(line));
const riskOf = (row: string) => row.split(' ')[1];

const references = rows.flatMap((row) =>
  proofsOf(row).map(({ file, title }) => ({ risk: riskOf(row), file, title })),
);

describe('the tables in SECURITY.md', () => {
  test('have each of the ten risks once, and in each row what proves it', () => {
    expect(rows.map(riskOf).filter((risk) => risk?.startsWith('API'))).toEqual(RISKS);
    expect(new Set(references.map(({ risk }) => risk))).toEqual(new Set(rows.map(riskOf)));
    // Nothing else in a last column, such as a title in other quotes, which would go unread.
    expect(rows.map(unreadProofs)).toEqual(rows.map(() => ''));
  });

  test.each(references)('$risk names a test that there is: $file, $title', ({ file, title }) => {
    expect({ file, exists: existsSync(file) }).toEqual({ file, exists: true });
    expect({ title, exists: hasTitle(file, title) }).toEqual({ title, exists: true });
  });
});

/** What opens a connection to somewhere else. */
const CALLS_OUT = [
  /(?<![#.\w])fetch\(/,
  /new WebSocket\(/,
  /new MongoClient\(/,
  /\b(connect|createConnection|request|get)\b[^;]*\} from 'node:(net|tls|http|https|http2|dgram)'/,
  /from '(undici|axios|got)'/,
  /exporter-trace-otlp/,
  /from '(ai|@ai-sdk\/[\w-]+)'/,
  // Types alone call nothing.
  /^export \{.*\} from '@trigger\.dev\//m,
];

test('nothing in the service asks another one by an address, but what is known to', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.startsWith('client'),
  );
  const calling = files.filter((file) => {
    const source = readFileSync(join('src', file), 'utf8');
    return CALLS_OUT.some((pattern) => pattern.test(source));
  });
  expect(calling.toSorted()).toEqual([
    // The MongoDB that the operator moves the data to.
    'commands/migrate.ts',
    // The database of MONGODB_URI, or the engine of this process.
    'database/connect.ts',
    // Whether another process has the embedded engine's socket.
    'embedded/ownership.ts',
    // What the operator has execute tasks.
    'engine/executors/exchange.ts',
    'engine/executors/model.ts',
    // The Trigger.dev server that the operator chose, and the files that its replies name.
    'engine/trigger/download.ts',
    'engine/trigger/sdk.ts',
    // Itself.
    'http/server/in-memory-fetch.ts',
    'http/server/warm-up.ts',
    // The operator's collector.
    'telemetry/tracing.ts',
  ]);
});
