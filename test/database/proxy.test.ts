/** The proxy that other tests put between the service and its database. */
import { expect, test } from '@jest/globals';
import { startProxy } from '../support/proxy.ts';

test.each([
  ['mongodb://db.example', 'mongodb://127.0.0.1:0/?directConnection=true'],
  [
    'mongodb://u:p%40ss@a:1,b:2/admin?retryWrites=false&tls=true&tlsCAFile=%2Fca.pem&replicaSet=rs',
    'mongodb://u:p%40ss@127.0.0.1:0/admin?retryWrites=false&replicaSet=rs&directConnection=true',
  ],
])('of %s keeps the user and the options', async (uri, expected) => {
  const proxy = await startProxy(uri);
  expect(proxy.uri.replace(/127\.0\.0\.1:\d+/, '127.0.0.1:0')).toBe(expected);
  await proxy.close();
});

test('refuses a connection string that it cannot pass on', async () => {
  await expect(startProxy('mongodb+srv://db.example')).rejects.toThrow('starts with mongodb://');
});
