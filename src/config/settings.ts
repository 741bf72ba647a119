import { type CleanedEnv, cleanEnv } from 'envalid';
import type { TrustProxy } from './parsers.ts';
import { otelVariables, variables } from './variables.ts';
import { type ExecutorSettings, executorSettings } from './executor-settings.ts';
import { type TriggerSettings, triggerSettings } from './trigger-settings.ts';
import { FIXED_LIMITS, type Limits } from './limits.ts';

/** Addresses that only this machine can reach. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

const MEBIBYTE = 1_048_576;

export interface DatabaseSettings {
  /** Connection string of a MongoDB server; undefined for the embedded engine. */
  uri: string | undefined;
  /** Name of the database on that server. */
  name: string;
  /** Folder of the embedded database; unused if `uri` is set. */
  dataDir: string;
}

export type TraceExport = 'http/json' | 'http/protobuf' | 'console';

export interface ListenAddress {
  port: number;
  host: string;
  /** Whether other hosts can reach the address. */
  reachable: boolean;
}

/** Settings of the engine that executes tasks in this process. */
export interface EngineSettings {
  executor: ExecutorSettings;
  /** Maximum number of runs that execute at the same time. */
  concurrency: number;
  /** Time that runs may take to finish after SIGTERM before they are interrupted. */
  graceMs: number;
}

export interface Settings {
  port: number;
  host: string;
  /** Whether other hosts can reach the address. */
  reachable: boolean;
  auth: 'required' | 'none';
  database: DatabaseSettings;
  sampleData: boolean;
  /** Memory for cached listings, in bytes; 0 turns the cache off. */
  cacheBytes: number;
  /** Maximum requests per minute; 0: no limit. Undefined with AUTH=none, which does not distinguish callers. */
  rateLimits: { perKey: number; perAddress: number } | undefined;
  /** Origins whose pages may call the API. Undefined: only pages of the service itself may. */
  corsOrigins: string[] | undefined;
  /** Where /metrics listens. Undefined: the service publishes no metrics. */
  metricsAddress: ListenAddress | undefined;
  /** Undefined: the service exports no traces. */
  traceExport: TraceExport | undefined;
  /** Proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted. Undefined: these headers are ignored. */
  trustProxy: TrustProxy | undefined;
  /** Number of days to keep runs that have ended. Undefined: no limit. */
  runRetentionDays: number | undefined;
  /** Undefined: this process executes no tasks. `trigger` is set, or other systems execute tasks and report runs. */
  engine: EngineSettings | undefined;
  /** Undefined: this process does not use Trigger.dev. At most one of `engine` and `trigger` is set. */
  trigger: TriggerSettings | undefined;
  limits: Limits;
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
}

/** Thrown if settings are invalid. The message has one line for each problem. */
export class InvalidSettings extends Error {
  constructor(problems: string[]) {
    super(['Invalid settings:', ...problems.map((problem) => `  ${problem}`)].join('\n'));
    this.name = 'InvalidSettings';
  }
}

/**
 * Returns how to export traces. If traces are off, ignores invalid variables, which may be meant for other programs.
 * @throws InvalidSettings
 */
function traceExportOf(env: CleanedEnv<typeof otelVariables>): TraceExport | undefined {
  if (/^true$/i.test(env.OTEL_SDK_DISABLED)) return undefined;
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const exporter = env.OTEL_TRACES_EXPORTER ?? (endpoint === undefined ? 'none' : 'otlp');
  if (exporter === 'none') return undefined;
  if (exporter === 'console') return 'console';
  if (exporter !== 'otlp') {
    throw new InvalidSettings([`OTEL_TRACES_EXPORTER: "${exporter}" is not one of otlp, console, none`]);
  }
  for (const name of ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const) {
    const url = env[name];
    if (url === undefined || (/^https?:\/\//.test(url) && URL.canParse(url))) continue;
    throw new InvalidSettings([`${name}: must be a URL such as http://127.0.0.1:4318`]);
  }
  const name =
    env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL === undefined
      ? 'OTEL_EXPORTER_OTLP_PROTOCOL'
      : 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL';
  const protocol = env[name];
  if (protocol === 'http/json' || protocol === 'http/protobuf') return protocol;
  throw new InvalidSettings([`${name}: "${protocol}" is not one of http/protobuf, http/json`]);
}

/** Returns the database name in the path of a connection string, as in mongodb://host/name?options. */
function databaseNameIn(uri: string | undefined): string | undefined {
  return uri && /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^?]+)/.exec(uri)?.[1];
}

/**
 * Reads and checks every setting of config/variables.ts.
 * @throws InvalidSettings naming each invalid setting and what would be right
 */
export function readSettings(environment: NodeJS.Dict<string>): Settings {
  // An empty value counts as unset, like a blank entry in a .env file.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const env = cleanEnv(
    given,
    { ...variables, ...otelVariables },
    {
      reporter: ({ errors }) => {
        const problems = Object.entries(errors).map(([name, error]) => `${name}: ${error?.message}`);
        if (problems.length > 0) throw new InvalidSettings(problems);
      },
    },
  );
  const auth = env.AUTH ?? (LOOPBACK.test(env.HOST) ? 'none' : 'required');
  if (auth === 'none' && env.CORS_ORIGINS) {
    throw new InvalidSettings(['CORS_ORIGINS requires AUTH=required: pages of other origins need a key']);
  }
  const executor = executorSettings(env, environment);
  if (typeof executor === 'string') throw new InvalidSettings([executor]);
  const trigger = triggerSettings(env);
  if (typeof trigger === 'string') throw new InvalidSettings([trigger]);
  const hasEngine = executor !== undefined || trigger !== undefined;
  const reachable = !LOOPBACK.test(env.HOST);
  if (hasEngine && auth === 'none' && reachable) {
    throw new InvalidSettings([
      'AUTH: with AUTH=none, any host that can reach the service could execute tasks; set AUTH=required or HOST=127.0.0.1',
    ]);
  }
  return {
    port: env.PORT,
    host: env.HOST,
    reachable,
    auth,
    database: {
      uri: env.MONGODB_URI,
      name: env.MONGODB_DATABASE ?? databaseNameIn(env.MONGODB_URI) ?? 'recoup',
      dataDir: env.DATA_DIR,
    },
    // Load no sample data if an engine runs: Trigger.dev would execute the sample tasks.
    sampleData: env.SAMPLE_DATA === 'on' && !hasEngine,
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
    engine: executor && {
      executor,
      concurrency: env.RUN_CONCURRENCY,
      graceMs: env.RUN_GRACE_SECONDS * 1_000,
    },
    trigger,
    limits: {
      ...FIXED_LIMITS,
      keepAliveTimeoutMs: env.KEEP_ALIVE_TIMEOUT_MS,
      drainDelayMs: env.DRAIN_DELAY_MS,
      maxConnections: env.MAX_CONNECTIONS,
    },
    logLevel: env.LOG_LEVEL,
  };
}
