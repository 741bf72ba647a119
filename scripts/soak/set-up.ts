import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findRunningEmbedded } from '../../src/embedded/index.ts';
import type { FaultLog } from './fault-log.ts';
import type { Findings } from './findings.ts';
import { END_LIMIT_MS, Instance } from './instance.ts';
import { Program } from './program.ts';

const START_LIMIT_MS = 30_000;

/** A database that this program runs, in a process of its own. */
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

  /** @returns its connection string, the same each time */
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
      if (!program.isRunning) throw new Error(`The database does not start: ${(await program.ended).stderr}`);
      if (performance.now() > deadline) throw new Error('The database does not start in time.');
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
      this.#findings.add('hung', 'the database did not end after SIGTERM');
  }
}

/** What the soak test runs on. */
export interface SetUp {
  name: string;
  instances: Instance[];
  /** The database's process; undefined where it is in the service's own, or not ours. */
  database: DatabaseProcess | undefined;
  /** Where the audit reads the database, and its name. */
  uri: () => Promise<string>;
  databaseName: string;
}

interface Options {
  /** For data and logs. */
  directory: string;
  faults: FaultLog;
  findings: Findings;
}

/** One service on its embedded database, which die together. */
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

/** Two services on one database, which is the server of `given` or an embedded one in a process of its own. */
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
