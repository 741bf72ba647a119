/** Starts and commands that cannot work: each ends with exit code 1 and one line that says why. */
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { variables } from '../../src/config/variables.ts';
import { killAll, runProgram } from '../support/process.ts';

const MAIN = resolve('dist/src/main.js');
const CLI = resolve('dist/src/cli.js');

/** Runs the rest of a command line as a user without rights; root may do everything. */
const AS_NOBODY =
  process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
const [drop = 'true', ...dropArgs] = AS_NOBODY;
const canDrop = spawnSync(drop, [...dropArgs, 'test', '-r', MAIN]).status === 0;
const withoutRights = canDrop ? test : test.skip;
// They need a file system of their own, which only root can mount.
const canMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', tmpdir()]).status === 0;
const onMount = canMount ? test : test.skip;

let home: string;
let dataDir: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'recoup-unusable-'));
  await chmod(home, 0o755);
  dataDir = join(home, 'data');
});
afterEach(() => rm(home, { recursive: true, force: true }));
afterAll(killAll);

interface Options {
  /** Of the command; without it, the service starts. */
  args?: string[];
  /** What runs it. */
  by?: string[];
}

/** Starts the service or a command, in the folder of the test, and returns its only line, having checked how it ended. */
async function failure(environment: Record<string, string>, { args, by = [] }: Options = {}) {
  const [command = '', ...rest] = [...by, process.execPath, ...(args ? [CLI, ...args] : [MAIN])];
  // Another user may not write the record of traffic.
  const own = { PORT: '0', DATA_DIR: dataDir, TRAFFIC_DIR: '', NODE_OPTIONS: '', ...environment };
  const { code, signal, stdout, stderr } = await runProgram(command, rest, own, home).ended;
  expect({ code, signal, stderr }).toEqual({
    code: 1,
    signal: null,
    stderr: expect.stringMatching(/^[^\n]+\n$/),
  });
  expect(stdout + stderr).not.toMatch(/    at |"stack"/);
  const line = stderr.trimEnd();
  if (!args) {
    const last: unknown = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
    expect(last).toMatchObject({ level: 60, msg: line });
  }
  return line;
}

/** What a start leaves in its folder while it runs. */
async function leftovers(): Promise<string[]> {
  const names = await readdir(dataDir).catch(() => []);
  return names.filter((name) => /\.(sock|pid)$/.test(name));
}

const COMMANDS = {
  start: undefined,
  keys: ['keys', 'list'],
  seed: ['seed', '--tasks', '1'],
  repair: ['repair'],
};

describe('a data folder', () => {
  const FOLDERS: [string, string, () => Promise<unknown>, RegExp][] = [
    [
      'that is a file',
      'file',
      () => writeFile(join(home, 'file'), ''),
      /EEXIST.*file'\. A file with this name exists/,
    ],
    ['below a file', 'file/a/b', () => writeFile(join(home, 'file'), ''), /ENOTDIR.*A part of the path is a/],
    [
      'that is a dangling link',
      'link',
      () => symlink('nowhere', join(home, 'link')),
      /ENOENT.*link'\. .*links/,
    ],
    [
      'behind a dangling link',
      'link/a',
      () => symlink('nowhere', join(home, 'link')),
      /ENOENT.*link'\. .*links/,
    ],
    ['that is a link to itself', 'link', () => symlink('link', join(home, 'link')), /ELOOP.*form a loop/],
    ['with a name too long', 'a'.repeat(300), async () => {}, /ENAMETOOLONG.*shorter|too long for a socket/],
  ];
  for (const [command, args] of Object.entries(COMMANDS))
    test.each(FOLDERS)(`%s stops ${command}`, async (_what, name, prepare, problem) => {
      await prepare();
      const line = await failure({ DATA_DIR: join(home, name) }, { args });
      expect(line).toMatch(problem);
      expect(line).toContain(join(home, name).slice(0, 60));
      if (name.length < 100) expect(line).toContain(`DATA_DIR=${join(home, name)}: `);
    });

  const inProc = process.platform === 'linux' ? test : test.skip;
  inProc.each(Object.entries(COMMANDS))('in /proc stops %s', async (_command, args) => {
    for (const folder of ['/proc/recoup', '/proc/recoup/a/b'])
      expect(await failure({ DATA_DIR: folder }, { args })).toContain(
        `DATA_DIR=${folder}: ENOENT: no such file or directory, mkdir '/proc/recoup'. Check the path`,
      );
  });

  withoutRights.each(Object.entries(COMMANDS))('that may not be created stops %s', async (_command, args) => {
    await mkdir(join(home, 'closed'), { mode: 0o555 });
    const folder = join(home, 'closed', 'data');
    expect(await failure({ DATA_DIR: folder }, { args, by: AS_NOBODY })).toMatch(
      /DATA_DIR=.*EACCES: permission denied, mkdir '.*'\. Give the user of this process access/,
    );
  });

  withoutRights.each(Object.entries(COMMANDS))('that may not be entered stops %s', async (_command, args) => {
    await mkdir(dataDir, { mode: 0 });
    expect(await failure({}, { args, by: AS_NOBODY })).toMatch(/DATA_DIR=.* EACCES.* Give the user of this/);
    await chmod(dataDir, 0o700);
  });

  onMount.each(Object.entries(COMMANDS))('on a read-only mount stops %s', async (_command, args) => {
    const mount = `mount -t tmpfs -o ro tmpfs ${home} && exec "$@"`;
    const by = ['unshare', '-m', 'sh', '-c', mount, 'sh'];
    expect(await failure({}, { args, by })).toMatch(/DATA_DIR=.*EROFS.*Choose a writable folder/);
  });

  onMount.each(['4k', '16k', '64k', '512k'])('on a disk with %s stops start and keys', async (size) => {
    const mount = `mount -t tmpfs -o size=${size} tmpfs ${home} && exec "$@"`;
    const by = ['unshare', '-m', 'sh', '-c', mount, 'sh'];
    for (const args of [undefined, COMMANDS.keys])
      expect(await failure({}, { args, by })).toMatch(/DATA_DIR=.*ENOSPC.*Free some space on this disk/);
  });
});

describe('a file in the data folder', () => {
  const FILES: [string, RegExp, () => Promise<unknown>][] = [
    [
      'db.sock is a folder',
      /DATA_DIR=.*EISDIR.*db\.sock'\. This is a folder/,
      () => mkdir(join(dataDir, 'db.sock')),
    ],
    [
      'db.pid is a folder',
      /DATA_DIR=.*EISDIR.*db\.pid'\. This is a folder/,
      () => mkdir(join(dataDir, 'db.pid')),
    ],
    [
      'db.pid is on a full disk',
      /DATA_DIR=.*ENOSPC.*Free some space/,
      () => symlink('/dev/full', join(dataDir, 'db.pid')),
    ],
    ['store is a file', /store cannot be opened: ENOTDIR/, () => writeFile(join(dataDir, 'store'), '')],
    [
      'store is a dangling link',
      /store cannot be opened: ENOENT/,
      () => symlink('x', join(dataDir, 'store')),
    ],
    ...['data.mdb', 'lock.mdb'].flatMap((name): [string, RegExp, () => Promise<unknown>][] => [
      [
        `${name} is a folder`,
        new RegExp(`store cannot be opened: EISDIR.*${name}'\\. This is a folder`),
        () => mkdir(join(dataDir, 'store', name), { recursive: true }),
      ],
      [
        `${name} is a dangling link`,
        new RegExp(`store cannot be opened: ENOENT.*${name}'\\. Check the path`),
        async () => {
          await mkdir(join(dataDir, 'store'));
          await symlink('nowhere', join(dataDir, 'store', name));
        },
      ],
    ]),
  ];
  test.each(FILES)('stops the start and the commands where %s', async (_what, problem, prepare) => {
    await mkdir(dataDir);
    await prepare();
    const before = await leftovers();
    for (const args of [undefined, COMMANDS.keys, COMMANDS.seed]) {
      expect(await failure({}, { args })).toMatch(problem);
      expect(await leftovers()).toEqual(before);
    }
  });

  withoutRights.each(['data.mdb', 'lock.mdb'])(
    'stops the start where %s may not be written',
    async (name) => {
      await mkdir(join(dataDir, 'store'), { recursive: true });
      await writeFile(join(dataDir, 'store', name), '', { mode: 0o400 });
      if (AS_NOBODY.length > 0) spawnSync('chown', ['65534:65534', dataDir, join(dataDir, 'store')]);
      const problem = new RegExp(`store cannot be opened: EACCES.*${name}'\\. Give the user`);
      for (const args of [undefined, COMMANDS.keys])
        expect(await failure({}, { args, by: AS_NOBODY })).toMatch(problem);
    },
  );
});

describe('an address', () => {
  const ADDRESSES: [string, RegExp][] = [
    ['nowhere.invalid', /(ENOTFOUND|EAI_AGAIN) nowhere\.invalid\. Use a name that resolves/],
    // RFC 5737 and RFC 3849 keep these for documentation.
    ['192.0.2.1', /EADDRNOTAVAIL.* 192\.0\.2\.1\. Use an address of this machine/],
    ['2001:db8::1', /(EADDRNOTAVAIL|EAFNOSUPPORT).*2001:db8::1\. Use an address of this machine/],
  ];
  test.each(ADDRESSES)('%s that is none of this machine stops the start', async (address, problem) => {
    const line = await failure({ HOST: address, SAMPLE_DATA: 'off' });
    expect(line).toMatch(problem);
    expect(line).toContain(`HOST=${address}, PORT=0: `);
    const metrics = await failure({ METRICS_HOST: address, METRICS_PORT: '0' });
    expect(metrics).toMatch(problem);
    expect(metrics).toContain(`METRICS_HOST=${address}, METRICS_PORT=0: `);
    // The database is whole, and closed.
    expect(await leftovers()).toEqual([]);
  });

  test('with a port that is taken stops the start', async () => {
    const other = createServer();
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const address = other.address();
    const port = String(typeof address === 'object' ? address?.port : '');
    const problem = new RegExp(`PORT=${port}: .*EADDRINUSE.*:${port}\\. Choose a free port`);
    expect(await failure({ PORT: port })).toMatch(problem);
    expect(await failure({ METRICS_PORT: port })).toMatch(problem);
    expect(await leftovers()).toEqual([]);
    other.close();
  });

  withoutRights('with a port that only root may open stops the start', async () => {
    const file = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
    // Elsewhere, and where containers allow it, everyone may open it.
    if (Number(await readFile(file, 'utf8').catch(() => '0')) <= 80) return;
    await mkdir(dataDir);
    if (AS_NOBODY.length > 0) spawnSync('chown', ['65534:65534', dataDir]);
    const problem = /PORT=80: .*EACCES.*Choose a port of 1024 or higher/;
    expect(await failure({ PORT: '80' }, { by: AS_NOBODY })).toMatch(problem);
    expect(await failure({ METRICS_PORT: '80' }, { by: AS_NOBODY })).toMatch(problem);
  });
});

describe('a connection string', () => {
  const SERVER = 'mongodb://127.0.0.1:9/';
  test.each([
    ['with an unknown option', `${SERVER}?foo=bar`, /option foo is not supported/],
    ['with a port out of range', 'mongodb://127.0.0.1:99999/', /127\.0\.0\.1:99999/],
    ['with a wrong value', `${SERVER}?readPreference=nope`, /read preference mode "nope"/],
    ['with an option twice', `${SERVER}?tls=true&tls=false`, /"tls" cannot appear more than once/],
    ['with a bad escape', `${SERVER}%zz`, /URI malformed/],
    ['with a database name that is none', `${SERVER}a.b`, /cannot contain the character '\.'/],
    [
      'with a file that is missing',
      `${SERVER}?tls=true&tlsCAFile=none.pem`,
      /ENOENT.*none\.pem.*Check the path/,
    ],
    ['with a folder for a file', `${SERVER}?tls=true&tlsCAFile=.`, /EISDIR.*This is a folder/],
    ['with a key that is none', `${SERVER}?tls=true&tlsCertificateKeyFile=bad.pem`, /PEM/],
  ])('%s stops the start and the commands', async (_what, uri, problem) => {
    await writeFile(join(home, 'bad.pem'), 'not a key');
    for (const args of [undefined, COMMANDS.keys]) {
      const line = await failure({ MONGODB_URI: uri }, { args });
      expect(line).toContain('MONGODB_URI: ');
      expect(line).toMatch(problem);
    }
  });
});

test.each(['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'])(
  'a trace exporter with %s that cannot be read stops the start',
  async (file) => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://127.0.0.1:9' };
    for (const exporter of ['OTLP', 'OTLP_TRACES']) {
      const name = `OTEL_EXPORTER_${exporter}_${file}`;
      expect(await failure({ ...endpoint, [name]: 'none.pem' })).toMatch(
        new RegExp(`^${name}=none\\.pem: ENOENT.*Check the path`),
      );
    }
  },
);

describe('settings', () => {
  /** The lines of a start or command that cannot use its settings. */
  const linesOf = async (environment: Record<string, string>, args: string[]) => {
    const { code, stderr } = await runProgram(process.execPath, args, environment, home).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('Invalid settings:\n');
    return stderr.trimEnd().split('\n').slice(1);
  };

  test('with values of the wrong type are all named', async () => {
    // Any text is a command, and a model's name.
    const anyText = new Set(['RUN_COMMAND', 'RUN_MODEL', 'TRIGGER_TASK', 'TRIGGER_PREFIX']);
    const names = Object.keys(variables).filter((name) => !anyText.has(name));
    const wrong = Object.fromEntries(
      names.map((name) => [name, name === 'DATA_DIR' ? ' ' : 'a wrong/value']),
    );
    for (const args of [[MAIN], [CLI, 'keys', 'list']])
      expect((await linesOf(wrong, args)).map((line) => /^  (\w+): ./.exec(line)?.[1])).toEqual(names);
  });

  test.each([
    ['a folder', () => mkdir(join(home, '.env')), /^  \.env cannot be read: EISDIR/],
    ['a dangling link', () => symlink('nowhere', join(home, '.env')), /^  \.env cannot be read: ENOENT/],
    ['a link to itself', () => symlink('.env', join(home, '.env')), /^  \.env cannot be read: ELOOP/],
  ])('in a .env that is %s stop the start and the commands', async (_what, prepare, problem) => {
    await prepare();
    for (const args of [[MAIN], [CLI, 'keys', 'list']])
      expect(await linesOf({}, args)).toEqual([expect.stringMatching(problem)]);
  });
});

describe('a file of a command', () => {
  beforeEach(async () => {
    const args = [CLI, 'keys', 'create', '--name', 'a', '--admin'];
    expect(await runProgram(process.execPath, args, { DATA_DIR: dataDir }, home).ended).toMatchObject({
      code: 0,
    });
  });

  test.each([
    ['in a folder that is missing', 'none/a', /ENOENT.*Check the path/],
    ['below a file', 'file/a', /ENOTDIR.*A part of the path is a file/],
    ['that is a folder', '.', /is a folder/],
    // As a device, which a failing test would destroy.
    ['that is a pipe', 'pipe', /pipe is not a regular file/],
  ])('%s stops the backup', async (_what, file, problem) => {
    await writeFile(join(home, 'file'), '');
    spawnSync('mkfifo', [join(home, 'pipe')]);
    expect(await failure({}, { args: ['backup', file, '--force'] })).toMatch(problem);
    expect((await stat(join(home, 'pipe'))).isFIFO()).toBe(true);
  });

  withoutRights('in a folder that may not be written stops the backup', async () => {
    await mkdir(join(home, 'closed'), { mode: 0o555 });
    if (AS_NOBODY.length > 0) spawnSync('chown', ['-R', '65534:65534', dataDir]);
    const args = ['backup', join(home, 'closed', 'a')];
    expect(await failure({}, { args, by: AS_NOBODY })).toMatch(/backup: EACCES.*Give the user/);
    expect(await readdir(join(home, 'closed'))).toEqual([]);
  });

  onMount('on a full disk stops the backup', async () => {
    await mkdir(join(home, 'full'));
    const full = join(home, 'full');
    const mount = `mount -t tmpfs -o size=4k tmpfs ${full} && head -c 4096 /dev/zero >${full}/x && exec "$@"`;
    const by = ['unshare', '-m', 'sh', '-c', mount, 'sh'];
    const args = ['backup', join(full, 'a')];
    expect(await failure({}, { args, by })).toMatch(/backup: ENOSPC.*Free some space/);
  });

  test.each([
    ['that is missing', 'none', /ENOENT.*Check the path/],
    ['that is a folder', '.', /EISDIR.*This is a folder, not a file/],
    ['below a file', 'file/a', /ENOTDIR.*A part of the path is a file/],
  ])('%s stops the restore', async (_what, file, problem) => {
    await writeFile(join(home, 'file'), '');
    expect(await failure({}, { args: ['restore', file] })).toMatch(problem);
  });

  test('is not restored into a data folder that cannot be used', async () => {
    await writeFile(join(home, 'file'), '');
    await runProgram(process.execPath, [CLI, 'backup', 'archive'], { DATA_DIR: dataDir }, home).ended;
    for (const [folder, problem] of [
      [join(home, 'file'), /restore: DATA_DIR=.*EEXIST/],
      ['/proc/recoup', /restore: DATA_DIR=.*ENOENT/],
    ] as const)
      expect(await failure({ DATA_DIR: folder }, { args: ['restore', 'archive'] })).toMatch(problem);
  });

  test('that cannot be read stops a backup of the database', async () => {
    await rm(join(dataDir, 'store', 'data.mdb'));
    await mkdir(join(dataDir, 'store', 'data.mdb'));
    expect(await failure({}, { args: ['backup', 'archive'] })).toMatch(/store cannot be opened: EISDIR/);
    expect(await readdir(home)).not.toContain('archive');
  });
});
