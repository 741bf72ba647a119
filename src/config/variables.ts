import { str } from 'envalid';
import {
  databaseName,
  days,
  filled,
  host,
  httpUrl,
  megabytes,
  mongodbUri,
  names,
  origins,
  perMinute,
  port,
  secret,
  trustProxy,
  webhookSecret,
  wholeNumber,
} from './parsers.ts';

/**
 * The settings, in the order of `--help`, .env.example and docs/configuration.md, which are generated from this table.
 */
export const variables = {
  PORT: port({ default: 3000, desc: 'Port to listen on. 0 picks a free port.' }),
  HOST: host({
    default: '127.0.0.1',
    desc: 'Address to listen on. 0.0.0.0 and :: accept connections from other hosts.',
  }),
  AUTH: str({
    choices: ['required', 'none'],
    default: undefined,
    desc: 'required: every request needs a key. none: every caller is an admin, and the service answers requests to localhost, 127.0.0.1 and [::1] only. Default: none on a loopback address, else required.',
  }),
  MONGODB_URI: mongodbUri({
    default: undefined,
    desc: 'Connection string of a MongoDB server. Default: the embedded database, which needs no server.',
    example: 'mongodb://127.0.0.1:27017',
  }),
  MONGODB_DATABASE: databaseName({
    default: undefined,
    desc: 'Name of the database. Default: the name in the path of MONGODB_URI, else recoup.',
  }),
  DATA_DIR: filled({
    default: './data',
    desc: 'Folder of the embedded database. Only one service can use it at a time.',
  }),
  SAMPLE_DATA: str({
    choices: ['on', 'off'],
    default: 'on',
    desc: 'on: at start, loads sample data into an embedded database without tasks and runs. off: loads none.',
  }),
  CACHE_MB: megabytes({
    default: 64,
    desc: 'Megabytes of memory for cached listings. 0 turns the cache off.',
  }),
  RUN_RETENTION_DAYS: days({
    default: undefined,
    desc: 'Days to keep runs that have ended. The last five runs of a task are kept until the task is deleted. Default: no limit.',
  }),
  RUN_COMMAND: filled({
    default: undefined,
    desc: 'Shell command that executes tasks. It reads {task, run, attempt, scheduled_at} as JSON from stdin; its stdout becomes the output of the run. To execute tasks, set one of RUN_COMMAND, RUN_URL, RUN_CHAT_URL, RUN_MODEL and TRIGGER_TASK. Default: none; other systems execute tasks and report runs.',
    example: 'node agent.js',
  }),
  RUN_COMMAND_ENV: names({
    default: undefined,
    desc: 'Comma-separated names of variables that are passed to RUN_COMMAND besides PATH, HOME, LANG, TZ and TMPDIR.',
    example: 'ANTHROPIC_API_KEY,HTTPS_PROXY',
  }),
  RUN_URL: httpUrl({
    default: undefined,
    desc: 'URL that executes tasks. It receives the same JSON as RUN_COMMAND by POST, signed with RUN_URL_SECRET according to Standard Webhooks.',
    example: 'https://agent.example/runs',
  }),
  RUN_URL_SECRET: webhookSecret({
    default: undefined,
    desc: 'Secret that signs requests to RUN_URL: whsec_ followed by 24 to 64 random bytes in base64.',
  }),
  RUN_CHAT_URL: httpUrl({
    default: undefined,
    desc: 'Base URL of a chat service that executes tasks. Prompts are sent to its /api/chat/runs, with RUN_CHAT_KEY as x-api-key.',
    example: 'https://chat.example',
  }),
  RUN_CHAT_KEY: secret({ default: undefined, desc: 'API key of the chat service.' }),
  RUN_MODEL: filled({
    default: undefined,
    desc: 'Model that executes the prompts of tasks. A task can name another model. Needs OPENAI_BASE_URL or AI_GATEWAY_API_KEY, and npm install ai@6 @ai-sdk/openai-compatible@2.',
    example: 'llama3.3',
  }),
  OPENAI_BASE_URL: httpUrl({
    default: undefined,
    desc: "Base URL of the server that hosts RUN_MODEL. It must have OpenAI's chat API, as Ollama and vLLM do.",
    example: 'http://127.0.0.1:11434/v1',
  }),
  OPENAI_API_KEY: secret({
    default: undefined,
    desc: 'API key of OPENAI_BASE_URL, if that server needs one.',
  }),
  AI_GATEWAY_API_KEY: secret({
    default: undefined,
    desc: "API key of Vercel's AI Gateway, which RUN_MODEL uses if OPENAI_BASE_URL is not set.",
  }),
  TRIGGER_TASK: filled({
    default: undefined,
    desc: 'Identifier of the scheduled task at Trigger.dev that executes tasks. The service synchronizes the schedules there with its tasks and copies the runs to its database. Needs TRIGGER_SECRET_KEY, and npm install @trigger.dev/core@4.',
    example: 'customer-prompt-task',
  }),
  TRIGGER_SECRET_KEY: secret({
    default: undefined,
    desc: 'Secret key of the environment at Trigger.dev, such as production. It gives access only to the schedules and runs of that environment.',
  }),
  TRIGGER_API_URL: httpUrl({
    default: 'https://api.trigger.dev',
    desc: 'Base URL of the Trigger.dev server.',
  }),
  TRIGGER_PREFIX: filled({
    default: 'recoup-',
    desc: "Prefix of the deduplication keys of this service's schedules at Trigger.dev. After a change, existing schedules keep their keys, and the service adopts them by their external ids.",
  }),
  RUN_CONCURRENCY: wholeNumber(
    1,
    1_000,
  )({
    default: 4,
    desc: 'Maximum number of runs that this process executes at the same time. One account gets at most half of them.',
  }),
  // The process ends within 7.5 seconds after the grace period (main.ts). The stop timeouts in deploy and compose.yaml
  // must allow for both.
  RUN_GRACE_SECONDS: wholeNumber(
    0,
    8,
  )({
    default: 8,
    desc: 'Seconds that runs may take to finish after SIGTERM before they are interrupted. The process may take 8 seconds more to exit.',
  }),
  RATE_LIMIT_PER_KEY: perMinute({
    default: 6_000,
    desc: 'Requests per minute with one key. 0 means no limit. Each copy of the service counts separately. No effect with AUTH=none.',
  }),
  RATE_LIMIT_PER_ADDRESS: perMinute({
    default: 12_000,
    desc: 'Requests per minute from one address (IPv6: from one /56 network). 0 means no limit.',
  }),
  CORS_ORIGINS: origins({
    default: undefined,
    desc: "Origins whose pages may call the API, separated by commas. Needs AUTH=required. Default: the service's own pages only.",
    example: 'https://tasks.example,http://localhost:5173',
  }),
  TRUST_PROXY: trustProxy({
    default: undefined,
    desc: "Proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted: their number (1 to 9), or their addresses and networks. Default: none; a caller's address is that of the connection.",
    example: '10.0.0.0/8,192.168.1.7',
  }),
  METRICS_PORT: port({
    default: undefined,
    desc: 'Port of /metrics for Prometheus. 0 picks a free port. Default: no metrics.',
    example: '9464',
  }),
  METRICS_HOST: host({
    default: '127.0.0.1',
    desc: 'Address of /metrics. Every host that can reach it can read the metrics.',
  }),
  // Longer than the idle timeout of common load balancers (60 s), so that they never reuse a closed connection.
  KEEP_ALIVE_TIMEOUT_MS: wholeNumber(
    1,
    3_600_000,
  )({
    default: 65_000,
    desc: 'Milliseconds that an idle connection stays open between two requests. Set it above the idle timeout of your load balancer.',
  }),
  // At most 7 seconds: a process without runs ends within ten seconds of SIGTERM, and open requests need the rest.
  DRAIN_DELAY_MS: wholeNumber(
    0,
    7_000,
  )({
    default: 1_000,
    desc: 'Milliseconds from SIGTERM until the service stops accepting connections, so that load balancers notice the shutdown.',
  }),
  MAX_CONNECTIONS: wholeNumber(1, 100_000)({ default: 1_000, desc: 'Maximum number of open connections.' }),
  LOG_LEVEL: str({
    choices: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    default: 'info',
    desc: 'Lowest level to log: fatal, error, warn, info, debug, trace or silent.',
  }),
};

/** OpenTelemetry variables that decide whether and how traces are exported. The OpenTelemetry SDK reads the others. */
export const otelVariables = {
  OTEL_SDK_DISABLED: str({ default: 'false' }),
  OTEL_TRACES_EXPORTER: str({ default: undefined }),
  OTEL_EXPORTER_OTLP_ENDPOINT: str({ default: undefined }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: str({ default: undefined }),
  OTEL_EXPORTER_OTLP_PROTOCOL: str({ default: 'http/protobuf' }),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: str({ default: undefined }),
};

/** Settings of earlier versions. The service ignores them, and warns if one is set. Most are constants in limits.ts. */
const FORMER = new Set([
  'HEADERS_TIMEOUT_MS',
  'REQUEST_TIMEOUT_MS',
  'IDLE_TIMEOUT_MS',
  'MAX_HEADER_BYTES',
  'MAX_URL_BYTES',
  'MAX_BODY_BYTES',
  'MAX_RUNS_BODY_BYTES',
  'MAX_JSON_DEPTH',
  'MAX_FULL_LISTINGS',
  'STALLED_READER_MS',
  'DATABASE_POOL_SIZE',
  'QUEUE_TIMEOUT_MS',
  'OPERATION_TIMEOUT_MS',
]);

/** A setting as shown in `--help`, .env.example and docs/configuration.md. */
export interface Description {
  name: string;
  /** The default in .env syntax; empty if there is no fixed default. */
  default: string;
  description: string;
  example?: string;
}

/** Breaks a text at spaces into lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
  return (text.match(new RegExp(`.{1,${width}}(?= |$)`, 'g')) ?? []).map((line) => line.trim());
}

export function describeVariables(): Description[] {
  return Object.entries(variables).map(([name, { default: value, desc = '', example }]) => ({
    name,
    default: value === undefined ? '' : String(value),
    description: desc,
    ...(example !== undefined && { example }),
  }));
}

/** Matches variables that OpenTelemetry, the client, or the SDKs of OpenAI, the AI Gateway and Trigger.dev read. */
const FOREIGN =
  /^(OTEL|RECOUP_TASKS|OPENAI|AI)_|^TRIGGER_(ACCESS_TOKEN|PREVIEW_BRANCH|PROJECT_ID|PROJECT_REF|VERSION)$/;

const isKnown = (name: string): boolean => name in variables || FOREIGN.test(name);

/** The first words of the names of settings, such as RATE_ and METRICS_. */
const PREFIXES = new Set(Object.keys(variables).flatMap((name) => /^[A-Z]+_/.exec(name) ?? []));

/** Matches variables that Kubernetes sets for each of its services, such as MONGODB_SERVICE_HOST for `mongodb`. */
const KUBERNETES = /_(SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP)\w*)?)$/;

/**
 * Returns the names of variables that look like settings of this service, but are not.
 * @param file - variables of the .env file, which are all expected to be settings of this service
 */
export function unknownNames(file: NodeJS.Dict<string>, environment: NodeJS.Dict<string>): string[] {
  const looksLikeOurs = (name: string) =>
    FORMER.has(name) || (PREFIXES.has(/^[A-Z]+_/.exec(name)?.[0] ?? '') && !KUBERNETES.test(name));
  return [
    ...Object.keys(file).filter((name) => !isKnown(name)),
    ...Object.keys(environment).filter(
      (name) => !(name in file) && !isKnown(name) && environment[name] !== '' && looksLikeOurs(name),
    ),
  ].toSorted();
}
