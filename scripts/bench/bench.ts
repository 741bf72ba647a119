import { setTimeout as sleep } from 'node:timers/promises';
import type { Databases, OpenFor } from './databases.ts';
import type { DatabaseName } from './fill.ts';
import type { LoadReply } from './load-process.ts';
import type { Job, LoadResult } from './load.ts';
import { Monitored } from './monitored.ts';
import type { BenchPlan } from './plan.ts';
import { fetchWhole } from './replies.ts';

/** Program of the built service, inside dist/. */
const SERVICE = 'src/main.js';
const SERVICE_SETTINGS = {
  PORT: '0',
  SAMPLE_DATA: 'off',
  RATE_LIMIT_PER_KEY: '0',
  RATE_LIMIT_PER_ADDRESS: '0',
};
const POLL_MS = 50;
const READY_TIMEOUT_MS = 60_000;

export interface Started {
  name: string;
  process: Monitored;
  url: string;
}

interface StartOptions {
  /** Database that the process opens; undefined for a process without one. */
  database?: DatabaseName;
  environment?: Record<string, string>;
}

/** The state that all parts share: the databases, the load generator and the running processes. */
export class Bench {
  readonly plan: BenchPlan;
  readonly databases: Databases;
  /** Advances the progress bar. Call it after each measurement. */
  readonly step: () => void;
  readonly #generator: Monitored;
  readonly #running = new Map<Monitored, OpenFor | undefined>();
  #isClosed = false;

  constructor(plan: BenchPlan, databases: Databases, step: () => void) {
    this.plan = plan;
    this.databases = databases;
    this.step = step;
    this.#generator = new Monitored('load generator', 'scripts/bench/load-process.js', {
      environment: {},
      folder: databases.folder,
    });
  }

  /** Runs a job in the load generator, which is a separate process. */
  async generate({ name, job }: { name: string; job: Job }): Promise<LoadResult> {
    const reply = await this.#generator.ask<LoadReply>(job);
    if ('problem' in reply) throw new Error(`${name}: ${reply.problem}`);
    return reply.result;
  }

  /** Starts a program from dist/. If it opens an embedded database, it gets its own copy. */
  async spawn(name: string, file: string, { database, environment }: StartOptions = {}): Promise<Monitored> {
    const open = database && (await this.databases.openFor(database));
    // A part may still reach this line after an interrupt has closed the bench.
    if (this.#isClosed) throw new Error(`The bench has ended, so it does not start ${name}.`);
    const process = new Monitored(name, file, {
      environment: { ...open?.environment, ...environment },
      folder: this.databases.folder,
    });
    this.#running.set(process, open);
    return process;
  }

  /** Starts a program from dist/ that is a server, and waits until it listens. */
  async start(name: string, file: string, options: StartOptions = {}): Promise<Started> {
    const process = await this.spawn(name, file, options);
    return { name, process, url: await process.url() };
  }

  /** Starts the service, and waits until it is ready. With a large database, it listens seconds before it is ready. */
  async startService(
    name: string,
    database: DatabaseName | undefined,
    environment: Record<string, string> = {},
  ): Promise<Started> {
    const settings = { ...SERVICE_SETTINGS, ...environment };
    const service = await this.start(name, SERVICE, { database, environment: settings });
    const deadline = performance.now() + READY_TIMEOUT_MS;
    while ((await fetchWhole(service.url, '/health/ready')).status !== 200) {
      if (performance.now() > deadline) throw new Error(`${name} was not ready in time.`);
      await sleep(POLL_MS);
    }
    return service;
  }

  startBaseline(name: string, program: string, options: StartOptions): Promise<Started> {
    return this.start(name, `scripts/bench/baselines/${program}.js`, options);
  }

  /** Stops a process, and deletes its copy of the database. */
  async stop(process: Monitored): Promise<void> {
    const open = this.#running.get(process);
    this.#running.delete(process);
    await process.stop();
    await open?.discard();
  }

  /** Stops all processes except the load generator, so that they do not disturb the next part. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((process) => this.stop(process)));
  }

  /** Stops all processes, including the load generator, and prevents further starts. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.stopAll();
    await this.#generator.stop();
  }
}
