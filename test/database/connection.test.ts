/** How the driver is told to deal with the database. */
import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { readSettings } from '../../src/config/settings.ts';
import { DEFAULTS, boundsOf } from '../../src/database/connect.ts';
import { attachDatabase } from '../../src/store/open-store.ts';

/** What a client of the service, which has not connected yet, would do. */
async function optionsWith(uri: string) {
  const settings = { uri, name: 'recoup', dataDir: '' };
  const database = await attachDatabase(
    settings,
    pino({ level: 'silent' }),
    boundsOf(readSettings({}).limits),
  );
  await database.close();
  return database.client.options;
}

test('a question to the database lasts no longer than a request may, and an unreachable server is detected soon', async () => {
  expect(await optionsWith('mongodb://127.0.0.1:9/')).toMatchObject({
    connectTimeoutMS: 2_000,
    heartbeatFrequencyMS: 2_000,
    maxPoolSize: 50,
    serverSelectionTimeoutMS: 2_000,
    socketTimeoutMS: 4_500,
    waitQueueTimeoutMS: 3_000,
  });
});

test('writes are sent again by the driver, whatever it would do by itself', async () => {
  expect(DEFAULTS).toMatchObject({ retryWrites: true });
  expect(await optionsWith('mongodb://127.0.0.1:9/')).toMatchObject({ retryWrites: true });
});

test('a connection string has the last word', async () => {
  const uri = 'mongodb://127.0.0.1:9/?retrywrites=false&socketTimeoutMS=7000&maxPoolSize=3';
  expect(await optionsWith(uri)).toMatchObject({
    heartbeatFrequencyMS: 2_000,
    maxPoolSize: 3,
    retryWrites: false,
    socketTimeoutMS: 7_000,
  });
});
