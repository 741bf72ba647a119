import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { InvalidSettings, readSettings } from '../../src/config/settings.ts';
import { unknownNames, variables } from '../../src/config/variables.ts';

const DEFAULT_LIMITS = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  idleTimeoutMs: 60_000,
  maxHeaderBytes: 65_536,
  maxUrlBytes: 8_192,
  maxBodyBytes: 1_048_576,
  maxRunsBodyBytes: 8_388_608,
  maxJsonDepth: 64,
  maxConnections: 1_000,
  maxPipelinedBytes: 33_554_432,
  maxReplyBytes: 134_217_728,
  stalledReaderMs: 10_000,
  databasePoolSize: 50,
  queueTimeoutMs: 3_000,
  operationTimeoutMs: 4_500,
  drainDelayMs: 1_000,
};

describe('settings', () => {
  test('have defaults that start a service on this machine alone', () => {
    expect(readSettings({})).toEqual({
      port: 3000,
      host: '127.0.0.1',
      reachable: false,
      auth: 'none',
      database: { uri: undefined, name: 'recoup', dataDir: './data' },
      sampleData: true,
      cacheBytes: 64 * 1_048_576,
      rateLimits: undefined,
      corsOrigins: undefined,
      metricsAddress: undefined,
      traceExport: undefined,
      trustProxy: undefined,
      runRetentionDays: undefined,
      engine: undefined,
      limits: DEFAULT_LIMITS,
      logLevel: 'info',
    });
  });

  test('are taken from the environment', () => {
    const settings = readSettings({
      PORT: '8080',
      HOST: '::1',
      AUTH: 'required',
      MONGODB_URI: 'mongodb://db.example',
      MONGODB_DATABASE: 'tasks',
      DATA_DIR: '/var/lib/recoup',
      SAMPLE_DATA: 'off',
      CACHE_MB: '0',
      RATE_LIMIT_PER_KEY: '60',
      RATE_LIMIT_PER_ADDRESS: '0',
      CORS_ORIGINS: 'https://tasks.example, http://localhost:5173',
      METRICS_PORT: '9464',
      METRICS_HOST: '0.0.0.0',
      OTEL_TRACES_EXPORTER: 'console',
      TRUST_PROXY: '2',
      RUN_RETENTION_DAYS: '30',
      LOG_LEVEL: 'silent',
    });
    expect(settings).toEqual({
      port: 8080,
      host: '::1',
      reachable: false,
      auth: 'required',
      database: { uri: 'mongodb://db.example', name: 'tasks', dataDir: '/var/lib/recoup' },
      sampleData: false,
      cacheBytes: 0,
      rateLimits: { perKey: 60, perAddress: 0 },
      corsOrigins: ['https://tasks.example', 'http://localhost:5173'],
      metricsAddress: { port: 9464, host: '0.0.0.0', reachable: true },
      traceExport: 'console',
      trustProxy: 2,
      runRetentionDays: 30,
      limits: DEFAULT_LIMITS,
      logLevel: 'silent',
    });
  });

  test.each([
    [{}, 'none'],
    [{ HOST: 'localhost' }, 'none'],
    [{ HOST: '127.8.9.1' }, 'none'],
    [{ HOST: '0.0.0.0' }, 'required'],
    [{ HOST: '::' }, 'required'],
    [{ HOST: 'tasks.example' }, 'required'],
    [{ HOST: '127.0.0.1.example' }, 'required'],
    [{ HOST: '0.0.0.0', AUTH: 'none' }, 'none'],
    [{ AUTH: 'required' }, 'required'],
  ])('of %j make credentials %s', (environment, auth) => {
    expect(readSettings(environment).auth).toBe(auth);
  });

  test('limit requests generously where there are credentials, and not at all without', () => {
    expect(readSettings({ AUTH: 'required' }).rateLimits).toEqual({ perKey: 6_000, perAddress: 12_000 });
    expect(readSettings({ AUTH: 'none', RATE_LIMIT_PER_KEY: '5' }).rateLimits).toBeUndefined();
  });

  test.each([
    [{}, undefined],
    [{ OTEL_SERVICE_NAME: 'tasks' }, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, 'http/protobuf'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, 'http/protobuf'],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, 'http/protobuf'],
    [{ OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, 'http/json'],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, undefined],
    [{ OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, undefined],
    // What is set for other programs of the machine hinders nobody.
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, undefined],
    [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, undefined],
    [{ OTEL_SDK_DISABLED: 'true', OTEL_TRACES_EXPORTER: 'zipkin' }, undefined],
    [
      {
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
      },
      'http/json',
    ],
  ])('%j of OpenTelemetry export traces by %s', (environment, way) => {
    expect(readSettings(environment).traceExport).toBe(way);
  });

  test('name the proxies to trust, by number or by address', () => {
    expect(readSettings({ TRUST_PROXY: '1' }).trustProxy).toBe(1);
    expect(readSettings({ TRUST_PROXY: '10.0.0.0/8, ::1' }).trustProxy).toEqual(['10.0.0.0/8', '::1']);
  });

  test.each([
    ['mongodb://user:pw@a.example:1,b.example:2/shop?replicaSet=rs0', 'shop'],
    ['mongodb+srv://cluster.example/shop', 'shop'],
    ['mongodb://a.example/?tls=true', 'recoup'],
    ['mongodb://a.example', 'recoup'],
  ])('the database of %s is %s, unless MONGODB_DATABASE says otherwise', (uri, name) => {
    expect(readSettings({ MONGODB_URI: uri }).database.name).toBe(name);
    expect(readSettings({ MONGODB_URI: uri, MONGODB_DATABASE: 'other' }).database.name).toBe('other');
  });

  test.each([
    ['KEEP_ALIVE_TIMEOUT_MS', { keepAliveTimeoutMs: 7 }],
    ['DRAIN_DELAY_MS', { drainDelayMs: 7 }],
    ['MAX_CONNECTIONS', { maxConnections: 7 }],
  ])('%s sets its limit', (variable, limit) => {
    expect(readSettings({ [variable]: '7' }).limits).toEqual({ ...DEFAULT_LIMITS, ...limit });
  });

  test('count as unset when they are empty, as a blank line of .env leaves them', () => {
    expect(readSettings({ MONGODB_URI: '', PORT: '' })).toEqual(readSettings({}));
  });

  test.each([
    [{ PORT: 'http' }, 'PORT: "http" is not a valid port; use 1 to 65535'],
    [{ PORT: '65536' }, 'PORT'],
    [{ HOST: 'http://x' }, 'HOST: "http://x" is not an address to listen on'],
    [{ AUTH: 'off' }, 'AUTH'],
    [{ MONGODB_URI: 'localhost:27017' }, 'MONGODB_URI: must be a connection string such as mongodb://'],
    [{ MONGODB_DATABASE: 'a b' }, 'MONGODB_DATABASE: "a b" is not a valid database name'],
    [{ DATA_DIR: ' ' }, 'DATA_DIR'],
    [{ SAMPLE_DATA: 'yes' }, 'SAMPLE_DATA'],
    [{ CACHE_MB: '1.5' }, 'CACHE_MB: "1.5" is not a valid number of megabytes'],
    [{ RATE_LIMIT_PER_KEY: '-1' }, 'RATE_LIMIT_PER_KEY: "-1" is not a valid number of requests a minute'],
    [{ RATE_LIMIT_PER_ADDRESS: '1e3' }, 'RATE_LIMIT_PER_ADDRESS'],
    [{ AUTH: 'required', CORS_ORIGINS: '*' }, 'CORS_ORIGINS: "*" is not a list of origins'],
    [{ AUTH: 'required', CORS_ORIGINS: 'null' }, 'CORS_ORIGINS'],
    [{ AUTH: 'required', CORS_ORIGINS: 'https://tasks.example/' }, 'CORS_ORIGINS'],
    [{ AUTH: 'required', CORS_ORIGINS: 'https://tasks.example:443' }, 'CORS_ORIGINS'],
    [{ AUTH: 'required', CORS_ORIGINS: 'https://a.example,tasks.example' }, 'CORS_ORIGINS'],
    [
      { CORS_ORIGINS: 'https://tasks.example' },
      'CORS_ORIGINS requires AUTH=required: pages of other origins need a key',
    ],
    [{ OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'OTEL_EXPORTER_OTLP_PROTOCOL'],
    [{ OTEL_TRACES_EXPORTER: 'otlp,console' }, 'OTEL_TRACES_EXPORTER'],
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, 'OTEL_TRACES_EXPORTER'],
    [
      { TRUST_PROXY: 'true' },
      'TRUST_PROXY: "true" is not a valid value; use the number of proxies, 1 to 9, or',
    ],
    [{ TRUST_PROXY: '0.0.0.0/0' }, 'TRUST_PROXY'],
    [{ TRUST_PROXY: '10.0.0.0/33' }, 'TRUST_PROXY'],
    [{ RUN_RETENTION_DAYS: '0' }, 'RUN_RETENTION_DAYS: "0" is not a valid number of days'],
    [{ RUN_RETENTION_DAYS: '1.5' }, 'RUN_RETENTION_DAYS'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL'],
    [{ MAX_CONNECTIONS: '0' }, 'MAX_CONNECTIONS: "0" is not a whole number from 1 to 100000'],
    [{ KEEP_ALIVE_TIMEOUT_MS: '4.5' }, 'KEEP_ALIVE_TIMEOUT_MS'],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' },
      'OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL such as http://127.0.0.1:4318',
    ],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: '//collector' }, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'],
    [{ DRAIN_DELAY_MS: '9000' }, 'DRAIN_DELAY_MS: "9000" is not a whole number from 0 to 7000'],
  ])('%j is refused by name', (environment, message) => {
    expect(() => readSettings(environment)).toThrow(InvalidSettings);
    expect(() => readSettings(environment)).toThrow(message);
  });

  test('that are wrong are all named at once', () => {
    expect(() => readSettings({ PORT: 'x', SAMPLE_DATA: 'x' })).toThrow(/PORT[^]*SAMPLE_DATA/);
  });

  test('a connection string is not repeated in the error, for it may hold a password', () => {
    expect(() => readSettings({ MONGODB_URI: 'mongo://user:hunter2@host' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  test('are those that .env.example lists, with their defaults', () => {
    const lines = readFileSync('.env.example', 'utf8')
      .split('\n')
      .filter((line) => /^[A-Z]/.test(line));
    const example = Object.fromEntries(lines.map((line) => line.split('=', 2)));
    expect(readSettings(example)).toEqual(readSettings({}));
    expect(Object.keys(example)).toEqual(Object.keys(variables));
  });
});

describe('settings of an engine', () => {
  const WEBHOOK_SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
  const engineOf = (environment: Record<string, string>) => readSettings(environment).engine;

  test.each<[Record<string, string>, object]>([
    [
      { RUN_COMMAND: 'agent', RUN_COMMAND_ENV: 'A, B,C', A: 'a', B: '', D: 'd', PATH: '/bin', HOME: '/root' },
      { kind: 'command', command: 'agent', environment: { A: 'a', B: '', PATH: '/bin', HOME: '/root' } },
    ],
    [
      { RUN_URL: 'https://agent.example/runs?a=1', RUN_URL_SECRET: WEBHOOK_SECRET },
      { kind: 'url', url: 'https://agent.example/runs?a=1', secret: WEBHOOK_SECRET },
    ],
    [
      { RUN_CHAT_URL: 'https://chat.example', RUN_CHAT_KEY: 'key' },
      { kind: 'chat', url: 'https://chat.example', key: 'key' },
    ],
    [
      { RUN_MODEL: 'small', OPENAI_BASE_URL: 'http://127.0.0.1:11434/v1' },
      { kind: 'model', model: 'small', server: { baseUrl: 'http://127.0.0.1:11434/v1', apiKey: undefined } },
    ],
    [
      { RUN_MODEL: 'small', OPENAI_BASE_URL: 'https://models.example', OPENAI_API_KEY: 'key' },
      { kind: 'model', model: 'small', server: { baseUrl: 'https://models.example', apiKey: 'key' } },
    ],
    [
      { RUN_MODEL: 'openai/gpt-5', AI_GATEWAY_API_KEY: 'key', OPENAI_API_KEY: 'other' },
      { kind: 'model', model: 'openai/gpt-5', server: { gatewayKey: 'key' } },
    ],
  ])('%j choose one', (environment, executor) => {
    expect(engineOf(environment)).toEqual({ executor, concurrency: 4, graceMs: 8_000 });
    expect(readSettings(environment).sampleData).toBe(false);
  });

  test('choose Trigger.dev', () => {
    const environment = { TRIGGER_TASK: 'customer-prompt-task', TRIGGER_SECRET_KEY: 'tr_prod_1' };
    const { engine, trigger, sampleData } = readSettings(environment);
    expect({ engine, trigger, sampleData }).toEqual({
      engine: undefined,
      trigger: {
        task: 'customer-prompt-task',
        secretKey: 'tr_prod_1',
        apiUrl: 'https://api.trigger.dev',
        prefix: 'recoup-',
      },
      sampleData: false,
    });
    const own = { ...environment, TRIGGER_API_URL: 'http://127.0.0.1:3030', TRIGGER_PREFIX: 'tasks-' };
    expect(readSettings(own).trigger).toMatchObject({ apiUrl: 'http://127.0.0.1:3030', prefix: 'tasks-' });
  });

  test('define how many runs execute at a time, and the grace period', () => {
    const more = { RUN_CONCURRENCY: '16', RUN_GRACE_SECONDS: '2' };
    expect(engineOf({ RUN_COMMAND: 'agent', ...more })).toMatchObject({ concurrency: 16, graceMs: 2_000 });
  });

  test('that are keys, secrets and addresses alone choose none', () => {
    const environment = {
      RUN_COMMAND_ENV: 'A',
      RUN_URL_SECRET: WEBHOOK_SECRET,
      RUN_CHAT_KEY: 'key',
      OPENAI_BASE_URL: 'http://127.0.0.1:11434/v1',
      OPENAI_API_KEY: 'key',
      AI_GATEWAY_API_KEY: 'key',
      RUN_CONCURRENCY: '2',
      TRIGGER_SECRET_KEY: 'tr_prod_1',
      TRIGGER_API_URL: 'http://127.0.0.1:3030',
      TRIGGER_PREFIX: 'tasks-',
    };
    expect(engineOf(environment)).toBeUndefined();
    expect(readSettings(environment).trigger).toBeUndefined();
    expect(readSettings({ ...environment, HOST: '0.0.0.0', AUTH: 'none' }).engine).toBeUndefined();
  });

  test.each([
    [
      { RUN_COMMAND: 'agent', RUN_MODEL: 'small' },
      'RUN_COMMAND, RUN_MODEL: only one of them can execute tasks; set one',
    ],
    [
      { RUN_URL: 'http://a.example', RUN_CHAT_URL: 'http://b.example' },
      'RUN_URL, RUN_CHAT_URL: only one of them',
    ],
    [
      { RUN_MODEL: 'small', TRIGGER_TASK: 'task' },
      'RUN_MODEL, TRIGGER_TASK: only one of them can execute tasks; set one',
    ],
    [{ TRIGGER_TASK: 'task' }, 'TRIGGER_TASK requires TRIGGER_SECRET_KEY'],
    [
      { TRIGGER_TASK: 'task', TRIGGER_SECRET_KEY: 'key', HOST: '0.0.0.0', AUTH: 'none' },
      'AUTH: with AUTH=none, any host that can reach',
    ],
    [{ RUN_URL: 'https://agent.example' }, 'RUN_URL requires RUN_URL_SECRET'],
    [{ RUN_CHAT_URL: 'https://chat.example' }, 'RUN_CHAT_URL requires RUN_CHAT_KEY'],
    [
      { RUN_MODEL: 'small', OPENAI_API_KEY: 'key' },
      'RUN_MODEL requires OPENAI_BASE_URL or AI_GATEWAY_API_KEY',
    ],
    [
      { RUN_MODEL: 'm', OPENAI_BASE_URL: 'http://a.example', AI_GATEWAY_API_KEY: 'k' },
      'RUN_MODEL: OPENAI_BASE_URL and AI_GATEWAY_API_KEY are both set',
    ],
    [
      { RUN_COMMAND: 'agent', HOST: '0.0.0.0', AUTH: 'none' },
      'AUTH: with AUTH=none, any host that can reach',
    ],
    [{ RUN_COMMAND: ' ' }, 'RUN_COMMAND'],
    [
      { RUN_COMMAND: 'agent', RUN_COMMAND_ENV: 'A=1' },
      'RUN_COMMAND_ENV: "A=1" is not a list of variable names',
    ],
    [{ RUN_CONCURRENCY: '0' }, 'RUN_CONCURRENCY: "0" is not a whole number from 1 to 1000'],
    [{ RUN_GRACE_SECONDS: '9' }, 'RUN_GRACE_SECONDS: "9" is not a whole number from 0 to 8'],
  ])('%j are refused', (environment, message) => {
    expect(() => readSettings(environment)).toThrow(InvalidSettings);
    expect(() => readSettings(environment)).toThrow(message);
  });

  test.each([
    ['RUN_URL', 'https://user:hunter2@agent.example'],
    ['RUN_URL', 'ftp://hunter2.example'],
    ['RUN_CHAT_URL', 'hunter2'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', '//user:hunter2@collector.example'],
    ['OPENAI_BASE_URL', 'https://models.example/#hunter2'],
    ['RUN_URL_SECRET', 'whsec_hunter2'],
    ['RUN_URL_SECRET', Buffer.from('hunter2'.repeat(5)).toString('base64')],
    ['RUN_CHAT_KEY', 'hunter2 3'],
    ['TRIGGER_SECRET_KEY', 'hunter2 3'],
    ['OPENAI_API_KEY', 'hunter2\r\nx: y'],
    ['AI_GATEWAY_API_KEY', 'hunter2\u00e9'],
  ])('%s as %j is refused without being repeated', (name, value) => {
    expect(() => readSettings({ [name]: value })).toThrow(
      expect.objectContaining({
        message: expect.not.stringMatching(/hunter2|aHVudGVyM/),
      }),
    );
    expect(() => readSettings({ [name]: value })).toThrow(`${name}: must `);
  });
});

describe('names that are no settings', () => {
  test('are all unknown names of the .env file', () => {
    expect(unknownNames({ PORT: '1', COLOR: 'red', OTEL_SERVICE_NAME: 'x' }, {})).toEqual(['COLOR']);
  });

  test.each([
    ['MONGODB_URL', true],
    ['RATE_LIMIT_PER_IP', true],
    ['CORS_ORIGIN', true],
    ['MAX_BODY_BYTES', true],
    ['HEADERS_TIMEOUT_MS', true],
    ['MONGODB_SERVICE_HOST', false],
    ['MONGODB_PORT_27017_TCP_ADDR', false],
    ['PATH', false],
    ['NODE_ENV', false],
    ['OTEL_SERVICE_NAME', false],
    ['OPENAI_ORG_ID', false],
    ['RUN_COMAND', true],
    ['TRIGGER_TASKS', true],
    ['TRIGGER_PROJECT_REF', false],
    ['PORT', false],
  ])('%s of the environment: %s', (name, unknown) => {
    expect(unknownNames({}, { [name]: '1' })).toEqual(unknown ? [name] : []);
  });

  test('count only where they have a value', () => {
    expect(unknownNames({}, { MONGODB_URL: '' })).toEqual([]);
  });
});
