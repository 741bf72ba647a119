import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultLog } from './fault-log.ts';
import type { Findings } from './findings.ts';
import { type LogLine, Program } from './program.ts';

/** Time limit of a start on a busy machine, including the recovery of a killed database. */
const START_LIMIT_MS = 30_000;
/** Time limit for a service or the database to exit after SIGTERM. */
export const END_LIMIT_MS = 10_000;
const ERROR_LEVEL = 50;

interface Dependencies {
  /** Settings in addition to those of every instance. They take precedence. */
  environment: Record<string, string>;
  logFile: string;
  faults: FaultLog;
  findings: Findings;
}

/** An instance of the service. A restart replaces its process, but not its name and settings. */
export class Instance {
  readonly name: string;
  /** The fault targets that can affect replies of the instance: the instance itself and the database. */
  readonly targets: readonly string[];
  readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });
  url = '';
  #program: Program | undefined;
  readonly #dependencies: Dependencies;

  constructor(name: string, dependencies: Dependencies) {
    this.name = name;
    this.targets = [name, 'database'];
    this.#dependencies = dependencies;
  }

  get pid(): number {
    return this.#program?.pid ?? 0;
  }

  get metricsUrl(): string {
    return this.#program?.metricsAddress ?? '';
  }

  get waitedMs(): number {
    return this.#program?.waitedMs ?? 0;
  }

  get ownMebibytes(): number | undefined {
    return this.#program?.ownMebibytes;
  }

  signal(name: NodeJS.Signals): void {
    this.#program?.signal(name);
  }

  /**
   * Starts the service, and resolves when it is ready. Repeats the start if the service exits, as it does while the
   * database is unreachable.
   */
  async start(): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    while (!(await this.#startOnce(deadline))) {
      if (performance.now() > deadline)
        throw new Error(`${this.name} is not ready after ${START_LIMIT_MS} ms.`);
      await sleep(200);
    }
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#program?.ended;
    this.#program = undefined;
  }

  /** Stops the process with SIGTERM. Reports a late end, an exit code other than 0 and output on stderr as findings. */
  async terminate(): Promise<void> {
    const program = this.#program;
    if (!program) return;
    this.#program = undefined;
    program.signal('SIGTERM');
    const inTime = await program.endsWithin(END_LIMIT_MS);
    const { code, stderr } = await program.ended;
    const { findings } = this.#dependencies;
    if (!inTime) findings.add('hung', `${this.name} did not end within ${END_LIMIT_MS} ms of SIGTERM`);
    else if (code !== 0) findings.add('wrong', `${this.name} exited with ${code} after SIGTERM: ${stderr}`);
    if (stderr !== '') findings.add('wrong', `${this.name} wrote to stderr: ${stderr}`);
  }

  /**
   * Starts a process, and waits until the service is ready.
   * @returns false if the service was not ready by the deadline, or exited, as it may while the database is unreachable
   */
  async #startOnce(deadline: number): Promise<boolean> {
    const { environment, logFile } = this.#dependencies;
    const program = new Program('src/main.js', {
      environment: {
        PORT: '0',
        HOST: '127.0.0.1',
        SAMPLE_DATA: 'off',
        LOG_LEVEL: 'info',
        METRICS_PORT: '0',
        // A small cache is full before the steady phase, so it cannot be the cause of memory growth in that phase.
        CACHE_MB: '4',
        ...environment,
      },
      logFile,
      onLine: (line) => this.#judge(line),
    });
    this.#program = program;
    void this.#awaitEnd(program);
    while (program.isRunning && performance.now() < deadline) {
      if (program.address !== undefined && (await isReady(program.address))) {
        this.url = program.address;
        return true;
      }
      await sleep(50);
    }
    if (program.isRunning) await this.kill();
    return false;
  }

  /**
   * Reports the exit of a process as a finding, unless the test ended the process or its start failed because the
   * database was unreachable.
   */
  async #awaitEnd(program: Program): Promise<void> {
    const { code, signal, stderr } = await program.ended;
    if (this.#program !== program) return;
    this.#program = undefined;
    const now = performance.now();
    const { faults, findings } = this.#dependencies;
    if (program.address === undefined && code === 1 && faults.explains(this.targets, now, now)) return;
    if (signal !== 'SIGKILL' || !faults.explains([this.name], now, now))
      findings.add('wrong', `${this.name} ended unexpectedly, with ${code ?? signal}: ${stderr}`);
  }

  /**
   * Reports a logged error as a finding, unless a fault explains it. No fault explains a fatal or an internal error.
   */
  #judge({ level = 0, msg, code, ...rest }: LogLine): void {
    const { faults, findings } = this.#dependencies;
    if (level < ERROR_LEVEL) return;
    const now = performance.now();
    const isExpected = level === ERROR_LEVEL && faults.explains(this.targets, now, now);
    if (code === 'internal_error' || !isExpected)
      findings.add('wrong', `${this.name} logged ${JSON.stringify({ level, msg, code, ...rest })}`);
  }
}

/** Whether an instance is ready. A version of the service without /health/ready counts as ready once it listens. */
async function isReady(url: string): Promise<boolean> {
  try {
    const { status } = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) });
    return status === 200 || status === 404;
  } catch {
    return false;
  }
}
