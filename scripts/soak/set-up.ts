import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findRunningEmbedded } from '../../src/embedded/index.ts';
import type { FaultLog } from './fault-log.ts';
import type { Findings } from './findings.ts';
import { END_LIMIT_MS, Instance } from './instance.ts';
import { Program } from './program.ts';

const START_LIMIT_MS = 30_000;

/** The embedded database in a separate process, so that faults can affect it without affecting the services. */
export class DatabaseProcess {
  readonly name = 'database';
  readonly #dataDir: string;
  readonly #logFile: string;
  readonly #findings: Findings;
  #program: Program | undefined;

  constructor(directory: string, findings: Findings) {
    this.#dataDir = join(directory, 'data');
    this.#logFile = join(directory, 'database.log');
    this.#findings = findings;
  }

  get ownMebibytes(): number | undefined {
    return this.#program?.ownMebibytes;
  }

  signal(name: NodeJS.Signals): void {
    this.#program?.signal(name);
  }

  /**
   * Starts the database, and waits until it listens.
   * @returns the connection string, which a restart does not change
   */
  async start(): Promise<string> {
    const program = new Program('scripts/soak/engine.js', {
      args: [this.#dataDir],
      environment: {},
      logFile: this.#logFile,
      onLine: (line) => {
        if ((line.level ?? 0) >= 50)
          this.#findings.add('wrong', `the database logged ${JSON.stringify(line)}`);
      },
    });
    this.#program = program;
    const deadline = performance.now() + START_LIMIT_MS;
    while (program.address === undefined) {
      if (!program.isRunning)
        throw new Error(`The database failed to start: ${(await program.ended).stderr}`);
      if (performance.now() > deadline)
        throw new Error(`The database does not listen after ${START_LIMIT_MS} ms.`);
      await sleep(20);
    }
    return program.address;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#program?.ended;
  }

  async terminate(): Promise<void> {
    this.signal('SIGTERM');
    if (!(await this.#program?.endsWithin(END_LIMIT_MS)))
      this.#findings.add('hung', `the database did not end within ${END_LIMIT_MS} ms of SIGTERM`);
  }
}

export interface SetUp {
  name: string;
  instances: Instance[];
  /** The process of the database; undefined if the database is embedded in the service or runs on a given server. */
  database: DatabaseProcess | undefined;
  /** Returns the connection string with which the audit opens the database. */
  uri: () => Promise<string>;
  databaseName: string;
}

interface Options {
  /** Folder for the database and the logs. */
  directory: string;
  faults: FaultLog;
  findings: Findings;
}

/** Starts one service with its embedded database. Both run in one process, so a kill ends both. */
export async function startAlone({ directory, faults, findings }: Options): Promise<SetUp> {
  const dataDir = join(directory, 'data');
  await mkdir(dataDir, { recursive: true });
  const instance = new Instance('service', {
    environment: { DATA_DIR: dataDir },
    logFile: join(directory, 'service.log'),
    faults,
    findings,
  });
  await instance.start();
  const uri = async () => (await findRunningEmbedded(dataDir)) ?? '';
  return { name: 'alone', instances: [instance], database: undefined, uri, databaseName: 'recoup' };
}

/** Starts two services that share one database: on the server at `given.uri`, or embedded in a separate process. */
export async function startPair(
  { directory, faults, findings }: Options,
  given: { uri: string | undefined; name: string },
  environment: Record<string, string> = {},
): Promise<SetUp> {
  await mkdir(directory, { recursive: true });
  const database = given.uri === undefined ? new DatabaseProcess(directory, findings) : undefined;
  const uri = given.uri ?? (await database?.start()) ?? '';
  const instances = ['A', 'B'].map(
    (name) =>
      new Instance(`service ${name}`, {
        environment: { MONGODB_URI: uri, MONGODB_DATABASE: given.name, ...environment },
        logFile: join(directory, `service-${name}.log`),
        faults,
        findings,
      }),
  );
  for (const instance of instances) await instance.start();
  return { name: 'pair', instances, database, uri: async () => uri, databaseName: given.name };
}
