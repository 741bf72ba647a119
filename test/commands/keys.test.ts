import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { readArguments } from '../../src/commands/keys.ts';
import { joinDatabase } from '../../src/store/open-store.ts';
import { ACCOUNT } from '../support/builders.ts';
import { checkedFetch } from '../support/contract.ts';
import { killAll, runCommand, runService } from '../support/process.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'recoup-keys-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));
afterAll(killAll);

const keys = (...args: string[]) => runCommand('keys', { DATA_DIR: dataDir }, args).ended;
const KEY = /^[A-Za-z0-9_-]{28,}\n$/;

describe('npm run keys', () => {
  test('create prints the key alone, which works at once in a service that runs, until it is revoked', async () => {
    const service = await runService({ DATA_DIR: dataDir, AUTH: 'required' });
    const ask = async (key: string, query = '') => {
      const response = await checkedFetch(`${service.url}/api/tasks${query}`, {
        headers: { 'x-api-key': key },
      });
      return { status: response.status, tasks: (await response.json()).tasks };
    };
    const admin = await keys('create', '--name', 'first', '--admin');
    expect(admin).toMatchObject({ code: 0, stdout: expect.stringMatching(KEY) });
    expect((await ask(admin.stdout.trim())).tasks.length).toBeGreaterThan(10);

    const created = await keys(
      'create',
      '--name',
      'of Mira',
      '--account',
      ACCOUNT,
      '--email',
      'mira@example.com',
      '--no-write',
    );
    expect(created).toMatchObject({ code: 0, stdout: expect.stringMatching(KEY) });
    expect((await ask(created.stdout.trim())).tasks).toEqual([]);

    const [, id = ''] = /Key (key_[0-9a-f]{12}) for account/.exec(created.stderr) ?? [];
    const { stdout: listed } = await keys('list');
    expect(listed.split('\n')).toHaveLength(4);
    expect(listed).toMatch(new RegExp(`^${id}  ${ACCOUNT}  read,run  .* valid +of Mira$`, 'm'));
    expect(listed).not.toContain(created.stdout.trim().slice(10));

    expect(await keys('revoke', id)).toMatchObject({ code: 0, stdout: '' });
    // The service sees the revocation when its copy of the key expires.
    let status = 200;
    while (status === 200) ({ status } = await ask(created.stdout.trim()));
    expect(status).toBe(401);
    expect((await keys('list')).stdout).toMatch(new RegExp(`^${id} .* revoked 20.* of Mira$`, 'm'));
    service.kill('SIGTERM');
    await service.ended;
  });

  test('create needs no service, creates the account with its address once, and leaves the sample data to come', async () => {
    const first = await keys(
      'create',
      '--name',
      'a',
      '--account',
      ACCOUNT.toUpperCase(),
      '--email',
      'a@example.com',
    );
    expect(first).toMatchObject({ code: 0 });
    const second = await keys('create', '--name', 'b', '--account', ACCOUNT, '--email', 'b@example.com');
    expect(second.stderr).toContain(
      `Account ${ACCOUNT} already exists and keeps its e-mail address: a@example.com.`,
    );
    const admin = await keys('create', '--name', 'c', '--admin');

    const service = await runService({ DATA_DIR: dataDir, AUTH: 'required' });
    const headers = { 'x-api-key': admin.stdout.trim(), 'Content-Type': 'application/json' };
    const { tasks } = await (await checkedFetch(`${service.url}/api/tasks`, { headers })).json();
    expect(tasks.length).toBeGreaterThan(10);
    const body = {
      title: 'T',
      prompt: 'P',
      schedule: '0 9 * * 4',
      account_id: ACCOUNT,
      artist_account_id: ACCOUNT,
    };
    const created = await checkedFetch(`${service.url}/api/tasks`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    expect((await created.json()).tasks[0].owner_email).toBe('a@example.com');
    service.kill('SIGTERM');
    await service.ended;
    // Nowhere on the disk.
    for (const file of await readdir(dataDir)) {
      const bytes = await readFile(join(dataDir, file)).catch(() => Buffer.alloc(0));
      expect(bytes.includes(admin.stdout.trim())).toBe(false);
    }
  });

  test('list shows a key that this version does not understand, with the reason, and revoke works on it', async () => {
    await keys('create', '--name', 'odd', '--admin');
    const database = await joinDatabase(
      { uri: undefined, name: 'recoup', dataDir },
      pino({ level: 'silent' }),
    );
    await database.collections.api_keys.updateOne(
      {},
      { $set: { scope: 'auditor', revoked_at: null, created_at: 'then', name: 'odd\u001b[2J' } },
    );
    await database.close();

    const row = (await keys('list')).stdout.split('\n')[1] ?? '';
    expect(row).toMatch(
      /^key_\w+  auditor +all +then +never +never +unusable  'odd\\x1B\[2J'  created_at must be a date, but is "then"$/,
    );
    const id = row.slice(0, row.indexOf(' '));
    expect((await keys('revoke', id)).stderr).toMatch(/^Key key_\w+ \('odd\\x1B\[2J'\) was revoked at 20/);
    expect((await keys('list')).stdout).toMatch(new RegExp(`^${id} .* revoked 20.* created_at must be`, 'm'));
  });

  test('an unknown id cannot be revoked, and errors are one line', async () => {
    const { code, stderr } = await keys('revoke', 'key_000000000000');
    expect(code).toBe(1);
    expect(stderr).toBe(
      'keys: There is no key with the ID "key_000000000000"; recoup-tasks keys list shows the IDs. See recoup-tasks keys --help.\n',
    );
    expect((await keys('list', '--force')).stderr).toContain("Unknown option '--force'");
    expect(await keys('--help')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: recoup-tasks keys create .*create prints only the key/s),
    });
  });
});

describe('its arguments', () => {
  test.each([
    ['create --name a --admin', { command: 'create', name: 'a', scope: 'admin' }],
    [
      `create --name a --account ${ACCOUNT.toUpperCase()}`,
      { command: 'create', name: 'a', accountId: ACCOUNT },
    ],
    [
      'create --name a --admin --expires 2999-01-31',
      { command: 'create', name: 'a', scope: 'admin', expiresAt: new Date('2999-01-31T00:00:00Z') },
    ],
    [
      'create --name a --admin --expires 2999-01-31T12:00:00+01:00',
      { command: 'create', name: 'a', scope: 'admin', expiresAt: new Date('2999-01-31T11:00:00Z') },
    ],
    [
      `create --name a --account ${ACCOUNT} --read-only`,
      { command: 'create', name: 'a', accountId: ACCOUNT, may: ['read'] },
    ],
    [
      `create --name a --account ${ACCOUNT} --no-write`,
      { command: 'create', name: 'a', accountId: ACCOUNT, may: ['read', 'run'] },
    ],
    ['list', { command: 'list' }],
    ['revoke key_1', { command: 'revoke', id: 'key_1' }],
  ])('%s', (line, plan) => {
    expect(readArguments(line.split(' '))).toEqual(plan);
  });

  test.each([
    ['', 'Pass one of the commands create, list and revoke ID.'],
    ['delete', 'Pass one of the commands'],
    ['revoke', 'Pass one of the commands'],
    ['revoke a b', 'Pass one of the commands'],
    ['list --name a', '--name can be used with the create command only.'],
    ['create --admin', '--name NAME must have'],
    ['create --name= --admin', '--name NAME must have'],
    ['create --name a', '--account UUID or --admin'],
    [`create --name a --admin --account ${ACCOUNT}`, '--account UUID or --admin'],
    ['create --name a --account 1', '--account must be a UUID'],
    ['create --name a --admin --email a@b', '--email needs --account'],
    [`create --name a --account ${ACCOUNT} --email a`, '--email must be an e-mail address'],
    ['create --name a --admin --read-only', 'need --account'],
    [`create --name a --account ${ACCOUNT} --read-only --no-write`, 'cannot be combined'],
    ['list --no-write', '--no-write can be used with the create command only.'],
    ['create --name a --admin --expires soon', '--expires must be a day'],
    ['create --name a --admin --expires 2999-02-30', '--expires must be a day'],
    ['create --name a --admin --expires 2999-01-31T12:00:00', '--expires must be a day'],
    ['create --name a --admin --expires 2001-01-01', '--expires must be in the future'],
  ])('"%s" is refused', (line, problem) => {
    expect(() => readArguments(line.split(' ').filter(Boolean))).toThrow(problem);
  });
});
