import { isIP, isIPv4 } from 'node:net';
import { type CleanedEnv, EnvError, cleanEnv, makeValidator, str } from 'envalid';
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

/** How many proxies there are before the service, or which addresses and networks they have. */
export type TrustProxy = number | string[];

/** How traces leave the process. */
export type TraceExport = 'http/json' | 'http/protobuf' | 'console';

/** Where something listens, and whether other hosts can reach it there. */
export interface ListenAddress {
  port: number;
  host: string;
  reachable: boolean;
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
  /** Requests a minute; 0 for no limit. Undefined without credentials: there is nobody to tell apart. */
  rateLimits: { perKey: number; perAddress: number } | undefined;
  /** Whose pages may ask; undefined: those of no other origin. */
  corsOrigins: string[] | undefined;
  /** Where /metrics is; undefined: nowhere. */
  metricsAddress: ListenAddress | undefined;
  /** Undefined: there are no traces. */
  traceExport: TraceExport | undefined;
  /** Undefined: nobody's X-Forwarded-For is believed. */
  trustProxy: TrustProxy | undefined;
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

const perMinute = makeValidator<number>((value) => {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new EnvError(`"${value}" is not a number of requests a minute: digits alone, 0 for no limit`);
});

/** An address, or a network that is not the whole world. */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  if (isIP(address) === 0 || more.length > 0) return false;
  return bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128));
}

/** Whether a text is an origin as browsers write it: `https://host`, with a port unless it is the scheme's own. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

const origins = makeValidator<string[]>((value) => {
  const texts = value.split(',').map((text) => text.trim());
  if (texts.every(isOrigin)) return texts;
  throw new EnvError(
    `"${value}" is not a list of origins, separated by commas, such as https://tasks.example,http://localhost:5173 (no *, no path)`,
  );
});

const trustProxy = makeValidator<TrustProxy>((value) => {
  if (/^[1-9]$/.test(value)) return Number(value);
  const networks = value.split(',').map((text) => text.trim());
  if (networks.every(isNetwork)) return networks;
  throw new EnvError(
    `"${value}" is neither a number of proxies, 1 to 9, nor their addresses or networks such as 10.0.0.0/8, separated by commas`,
  );
});

/** A name, an address or a socket, and a port. */
const SERVER = String.raw`(\[[\da-fA-F:.%]+\]|[^\s:/?#@,[\]]+)(:\d{1,5})?`;
const MONGODB_URI = new RegExp(String.raw`^mongodb(\+srv)?://([^\s/?#@]*@)?${SERVER}(,${SERVER})*([/?]|$)`);

const mongodbUri = makeValidator<string>((value) => {
  if (MONGODB_URI.test(value)) return value;
  // The value is not repeated, here or by the driver: it may hold a password.
  throw new EnvError(
    'it is not a connection string such as mongodb://user:password@host:27017/name, with special characters of the password percent-encoded',
  );
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

/** OpenTelemetry's own variables, as far as they decide whether there are traces; its SDK reads the others. */
const OTEL = {
  OTEL_SDK_DISABLED: str({ default: 'false' }),
  OTEL_TRACES_EXPORTER: str({ default: undefined }),
  OTEL_EXPORTER_OTLP_ENDPOINT: str({ default: undefined }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: str({ default: undefined }),
  OTEL_EXPORTER_OTLP_PROTOCOL: str({ default: 'http/protobuf' }),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: str({ default: undefined }),
} as const;

/** @throws InvalidSettings where traces are wanted, and in a way that there is not: others' settings are none of our business. */
function traceExportOf(env: CleanedEnv<typeof OTEL>): TraceExport | undefined {
  if (/^true$/i.test(env.OTEL_SDK_DISABLED)) return undefined;
  const isWanted = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const exporter = env.OTEL_TRACES_EXPORTER ?? (isWanted === undefined ? 'none' : 'otlp');
  if (exporter === 'none') return undefined;
  if (exporter === 'console') return 'console';
  if (exporter !== 'otlp') {
    throw new InvalidSettings([`OTEL_TRACES_EXPORTER: "${exporter}" is none of otlp, console, none`]);
  }
  const [name, protocol] =
    env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL === undefined
      ? ['OTEL_EXPORTER_OTLP_PROTOCOL', env.OTEL_EXPORTER_OTLP_PROTOCOL]
      : ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL];
  if (protocol === 'http/json' || protocol === 'http/protobuf') return protocol;
  throw new InvalidSettings([`${name}: "${protocol}" is none of http/protobuf, http/json`]);
}

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
      RATE_LIMIT_PER_KEY: perMinute({ default: 6_000 }),
      RATE_LIMIT_PER_ADDRESS: perMinute({ default: 12_000 }),
      CORS_ORIGINS: origins({ default: undefined }),
      METRICS_PORT: port({ default: undefined }),
      METRICS_HOST: host({ default: '127.0.0.1' }),
      ...OTEL,
      TRUST_PROXY: trustProxy({ default: undefined }),
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
  const auth = env.AUTH ?? (LOOPBACK.test(env.HOST) ? 'none' : 'required');
  if (auth === 'none' && env.CORS_ORIGINS) {
    throw new InvalidSettings([
      'CORS_ORIGINS: pages of other origins are let in only where they need a key: set AUTH=required',
    ]);
  }
  return {
    port: env.PORT,
    host: env.HOST,
    reachable: !LOOPBACK.test(env.HOST),
    auth,
    database: {
      uri: env.MONGODB_URI,
      name: env.MONGODB_DATABASE ?? databaseNameIn(env.MONGODB_URI) ?? 'recoup',
      dataDir: env.DATA_DIR,
    },
    sampleData: env.SAMPLE_DATA === 'on',
    cacheBytes: env.CACHE_MB * MEBIBYTE,
    rateLimits:
      auth === 'none'
        ? undefined
        : { perKey: env.RATE_LIMIT_PER_KEY, perAddress: env.RATE_LIMIT_PER_ADDRESS },
    corsOrigins: env.CORS_ORIGINS,
    metricsAddress:
      env.METRICS_PORT === undefined
        ? undefined
        : {
            port: env.METRICS_PORT,
            host: env.METRICS_HOST,
            reachable: !LOOPBACK.test(env.METRICS_HOST),
          },
    traceExport: traceExportOf(env),
    trustProxy: env.TRUST_PROXY,
    runRetentionDays: env.RUN_RETENTION_DAYS,
    limits: limitsOf(env),
    logLevel: env.LOG_LEVEL,
  };
}
