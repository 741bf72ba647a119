import { EnvError, cleanEnv, makeValidator, str } from 'envalid';
import { type Limits, limitSettings, limitsOf } from './limits.ts';

/** Addresses that only this machine can reach. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

const MEBIBYTE = 1_048_576;

/** Where the service's data is. */
export interface DatabaseSettings {
  /** Connection string of a MongoDB server; undefined for the embedded engine. */
  uri: string | undefined;
  /** Name of the database in it. */
  name: string;
  /** Folder of the embedded engine. */
  dataDir: string;
}

export interface Settings {
  port: number;
  host: string;
  /** Whether other hosts can reach the address. */
  reachable: boolean;
  auth: 'required' | 'none';
  database: DatabaseSettings;
  sampleData: boolean;
  /** Bytes of memory for what is listed again and again; 0 to keep nothing. */
  cacheBytes: number;
  /** How long final runs are kept, a task's last ones longer; undefined for ever. */
  runRetentionDays: number | undefined;
  limits: Limits;
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
}

/** A setting has a value that the service cannot use. The message has one line for each such setting. */
export class InvalidSettings extends Error {
  constructor(problems: string[]) {
    super(['The settings cannot be used:', ...problems.map((problem) => `  ${problem}`)].join('\n'));
    this.name = 'InvalidSettings';
  }
}

const host = makeValidator<string>((value) => {
  if (/^[\w.:%-]{1,253}$/.test(value)) return value;
  throw new EnvError(`"${value}" is not an address to listen on, such as 127.0.0.1, 0.0.0.0 or ::1`);
});

const port = makeValidator<number>((value) => {
  if (/^\d{1,5}$/.test(value) && Number(value) <= 65_535) return Number(value);
  throw new EnvError(`"${value}" is not a port: 1 to 65535, or 0 for any that is free`);
});

const days = makeValidator<number>((value) => {
  if (/^[1-9]\d{0,4}$/.test(value)) return Number(value);
  throw new EnvError(`"${value}" is not a number of days: 1 to 99999, in digits alone`);
});

const megabytes = makeValidator<number>((value) => {
  if (/^\d{1,5}$/.test(value)) return Number(value);
  throw new EnvError(`"${value}" is not a number of megabytes: 0 to 99999, in digits alone`);
});

const mongodbUri = makeValidator<string>((value) => {
  if (/^mongodb(\+srv)?:\/\/[^/?]+/.test(value)) return value;
  // The value is not repeated: it may hold a password.
  throw new EnvError('it is not a connection string such as mongodb://127.0.0.1:27017');
});

const databaseName = makeValidator<string>((value) => {
  if (/^[^\s/\\."$*<>:|?\0]{1,63}$/.test(value)) return value;
  throw new EnvError(
    `"${value}" is not a database name: 1-63 characters, no blanks and none of / \\ . " $ * < > : | ?`,
  );
});

const filled = makeValidator<string>((value) => {
  if (value.trim() !== '' && !value.includes('\0')) return value;
  throw new EnvError('it is empty');
});

/** A connection string may name a database in its path, as in mongodb://host/name?options. */
function databaseNameIn(uri: string | undefined): string | undefined {
  return uri && /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^?]+)/.exec(uri)?.[1];
}

/**
 * Reads and checks every setting; .env.example describes them.
 * @throws InvalidSettings naming each setting that is wrong and what would be right.
 */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  // An empty value counts as unset, as in a .env file whose line was left blank.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const env = cleanEnv(
    given,
    {
      PORT: port({ default: 3000 }),
      HOST: host({ default: '127.0.0.1' }),
      AUTH: str({ choices: ['required', 'none'], default: undefined }),
      MONGODB_URI: mongodbUri({ default: undefined }),
      MONGODB_DATABASE: databaseName({ default: undefined }),
      DATA_DIR: filled({ default: './data' }),
      SAMPLE_DATA: str({ choices: ['on', 'off'], default: 'on' }),
      CACHE_MB: megabytes({ default: 64 }),
      RUN_RETENTION_DAYS: days({ default: undefined }),
      ...limitSettings,
      LOG_LEVEL: str({
        choices: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
        default: 'info',
      }),
    },
    {
      reporter: ({ errors }) => {
        const problems = Object.entries(errors).map(([name, error]) => `${name}: ${error?.message}`);
        if (problems.length > 0) throw new InvalidSettings(problems);
      },
    },
  );
  return {
    port: env.PORT,
    host: env.HOST,
    reachable: !LOOPBACK.test(env.HOST),
    auth: env.AUTH ?? (LOOPBACK.test(env.HOST) ? 'none' : 'required'),
    database: {
      uri: env.MONGODB_URI,
      name: env.MONGODB_DATABASE ?? databaseNameIn(env.MONGODB_URI) ?? 'recoup',
      dataDir: env.DATA_DIR,
    },
    sampleData: env.SAMPLE_DATA === 'on',
    cacheBytes: env.CACHE_MB * MEBIBYTE,
    runRetentionDays: env.RUN_RETENTION_DAYS,
    limits: limitsOf(env),
    logLevel: env.LOG_LEVEL,
  };
}
