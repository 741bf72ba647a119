import { inspect } from 'node:util';
import type { Right } from '../../generated/types.gen.ts';
import { AccountStore } from '../store/account-store.ts';
import type { StoredKey } from '../store/key-document.ts';
import { parseKey } from '../store/parse-key.ts';
import { KeyStore } from '../store/key-store.ts';
import { type Database, joinDatabase } from '../store/open-store.ts';
import {
  UsageError,
  commandLine,
  parseArguments,
  runCommand,
  settingsOf,
  warningsLog,
} from './command-line.ts';

const COMMAND = commandLine('keys');

const HELP = `Usage: ${COMMAND} create --name NAME --account UUID [--email ADDRESS] [--read-only | --no-write] [--expires WHEN]
       ${COMMAND} create --name NAME --admin [--expires WHEN]
       ${COMMAND} list
       ${COMMAND} revoke ID

Creates, lists and revokes the API keys of the configured database. The service may run meanwhile.

create prints only the key on stdout, and everything else on stderr. It shows the key once; the database stores a hash of
it. With npm run, pass --silent before keys, which keeps npm's own lines from stdout.

  --name NAME      what the key is for, 1 to 100 characters
  --account UUID   limits the key to this account's tasks and runs; creates the account if it does not exist
  --email ADDRESS  the e-mail address of a new account
  --read-only      limits the key to reading
  --no-write       lets the key read, run tasks and cancel runs, but not create, change or delete tasks
  --admin          gives the key access to all accounts, and the right to record runs
  --expires WHEN   when the key expires: 2027-01-31, or an instant such as 2027-01-31T12:00:00Z; never by default
  --help           shows this text

list shows the rights of each key in its account, or "all". If this version cannot read a key's document, the service
refuses the key, and list shows it as unusable, with the PROBLEM.
revoke takes the ID that create and list show. Every running service refuses the key within seconds.

MONGODB_URI, MONGODB_DATABASE and DATA_DIR, from the environment or .env, name the database.
`;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const WHEN = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{1,3})?(Z|[+-]\d{2}:\d{2}))?$/;
const EMAIL = /^[^\s@]{1,64}@[^\s@]{1,190}$/;

export type KeysPlan =
  | ({ command: 'create'; name: string; expiresAt?: Date } & (
      { accountId: string; email?: string; may?: Right[] } | { scope: 'admin' }
    ))
  | { command: 'list' }
  | { command: 'revoke'; id: string };

const wrong = (problem: string) => new UsageError('keys', problem);

function parseWhen(text: string): Date {
  const at = new Date(text);
  // Reject days that do not exist: JavaScript parses February 30 as March 2.
  const exists = WHEN.test(text) && new Date(text.slice(0, 10)).toJSON()?.startsWith(text.slice(0, 10));
  if (!exists || Number.isNaN(at.getTime())) {
    throw wrong(
      `--expires must be a day such as 2027-01-31, or an instant with Z or an offset, but is "${text}".`,
    );
  }
  if (at <= new Date()) throw wrong(`--expires must be in the future, but is ${at.toISOString()}.`);
  return at;
}

interface Options {
  name?: string;
  account?: string;
  email?: string;
  admin?: boolean;
  expires?: string;
  'read-only'?: boolean;
  'no-write'?: boolean;
}

/** Returns the rights that the options give the new key; undefined if it has all rights. */
function planRights({ 'read-only': readOnly, 'no-write': noWrite }: Options): Right[] | undefined {
  if (readOnly && noWrite) throw wrong('--read-only and --no-write cannot be combined; pass one.');
  if (readOnly) return ['read'];
  return noWrite ? ['read', 'run'] : undefined;
}

function planCreation(options: Options): KeysPlan {
  const { name, account, email, admin, expires } = options;
  const may = planRights(options);
  if (name === undefined || !/^[^\p{Cc}\p{Surrogate}]{1,100}$/u.test(name)) {
    throw wrong('--name NAME must have 1 to 100 characters and no control characters.');
  }
  const common = {
    command: 'create',
    name,
    ...(expires !== undefined && { expiresAt: parseWhen(expires) }),
  } as const;
  if (admin && account === undefined) {
    if (email !== undefined) throw wrong('--email needs --account; an admin key has no account.');
    if (may) throw wrong('--read-only and --no-write need --account; an admin key has all rights.');
    return { ...common, scope: 'admin' };
  }
  if (admin || account === undefined) throw wrong('Pass either --account UUID or --admin.');
  if (!UUID.test(account)) throw wrong(`--account must be a UUID, but is "${account}".`);
  if (email !== undefined && !EMAIL.test(email))
    throw wrong(`--email must be an e-mail address, but is "${email}".`);
  return {
    ...common,
    accountId: account.toLowerCase(),
    ...(email !== undefined && { email }),
    ...(may && { may }),
  };
}

/** @throws UsageError */
export function readArguments(args: string[]): KeysPlan | 'help' {
  const { values, positionals } = parseArguments('keys', {
    args,
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      account: { type: 'string' },
      email: { type: 'string' },
      admin: { type: 'boolean' },
      expires: { type: 'string' },
      'read-only': { type: 'boolean' },
      'no-write': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const { help, ...options } = values;
  if (help) return 'help';
  const [command, id, more] = positionals;
  if (command === 'create' && id === undefined) return planCreation(options);
  if (Object.keys(options).length > 0)
    throw wrong(`--${Object.keys(options)[0]} can be used with the create command only.`);
  if (command === 'list' && id === undefined) return { command };
  if (command === 'revoke' && id !== undefined && more === undefined) return { command, id };
  throw wrong('Pass one of the commands create, list and revoke ID.');
}

/** Writes a message to stderr, because `create` prints nothing but the key on stdout. */
const say = (text: string) => process.stderr.write(`${text}\n`);

async function create(plan: KeysPlan & { command: 'create' }, { collections }: Database, keys: KeyStore) {
  if ('accountId' in plan) {
    const { accountId, email } = plan;
    const account = await new AccountStore(collections).obtain({ _id: accountId, email });
    if (email !== undefined && account?.email !== email) {
      say(`Account ${accountId} already exists and keeps its e-mail address: ${account?.email ?? 'none'}.`);
    }
  }
  const { id, key } = await keys.create(plan, new Date());
  const whose = 'accountId' in plan ? `account ${plan.accountId}` : 'an admin';
  const rights = 'may' in plan ? ` (rights: ${plan.may?.join(', ')})` : '';
  const until = plan.expiresAt ? `, valid until ${plan.expiresAt.toISOString()}` : '';
  say(`Key ${id} for ${whose}${rights}${until}. It is shown only once:`);
  process.stdout.write(`${key}\n`);
}

/** Formats a stored value of any type as a table cell, without control characters. */
function cellOf(value: unknown, absent = ''): string {
  if (value === undefined) return absent;
  if (value instanceof Date) return String(value.toJSON());
  if (typeof value === 'string' && !/\p{Cc}/u.test(value)) return value;
  return inspect(value, { breakLength: Infinity, depth: 0 });
}

function stateOf({ revoked_at, expires_at }: StoredKey, problem: string | undefined): string {
  if (revoked_at instanceof Date) return `revoked ${cellOf(revoked_at)}`;
  if (problem !== undefined) return 'unusable';
  return expires_at instanceof Date && expires_at <= new Date() ? 'expired' : 'valid';
}

async function list(keys: KeyStore): Promise<void> {
  const rows = (await keys.list()).map((stored) => {
    const { problem } = parseKey(stored);
    return [
      cellOf(String(stored._id)),
      cellOf(stored.account_id ?? stored.scope),
      Array.isArray(stored.may)
        ? stored.may.map((right) => cellOf(right)).join(',')
        : cellOf(stored.may, 'all'),
      cellOf(stored.created_at),
      cellOf(stored.expires_at, 'never'),
      cellOf(stored.last_used_at, 'never'),
      stateOf(stored, problem),
      cellOf(stored.name),
      problem ?? '',
    ];
  });
  const table = [
    ['ID', 'ACCOUNT', 'MAY', 'CREATED', 'EXPIRES', 'LAST USED', 'STATE', 'NAME', 'PROBLEM'],
    ...rows,
  ];
  const widths = (table[0] ?? []).map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0)));
  for (const row of table) {
    process.stdout.write(
      `${row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}

async function revoke(id: string, keys: KeyStore): Promise<void> {
  const key = await keys.revoke(id, new Date());
  if (!key) throw wrong(`There is no key with the ID "${id}"; ${COMMAND} list shows the IDs.`);
  say(`Key ${cellOf(id)} (${cellOf(key.name)}) was revoked at ${cellOf(key.revoked_at)}.`);
}

async function work(plan: KeysPlan): Promise<void> {
  const log = warningsLog();
  const database = await joinDatabase(settingsOf().database, log);
  try {
    const keys = new KeyStore(database.collections, log);
    if (plan.command === 'create') await create(plan, database, keys);
    else if (plan.command === 'list') await list(keys);
    else await revoke(plan.id, keys);
  } finally {
    await database.close();
  }
}

export async function main(args: string[]): Promise<void> {
  await runCommand({ name: 'keys', help: HELP, read: () => readArguments(args), run: work });
}
