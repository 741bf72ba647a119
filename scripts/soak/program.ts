import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type WriteStream, createWriteStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** The fields of a pino log line that the soak test reads. */
export interface LogLine {
  level?: number;
  msg?: string;
  code?: string;
  url?: string;
  uri?: string;
  metrics?: string;
}

const running = new Set<ChildProcess>();

export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}
process.on('exit', killAll);

/**
 * Runs a program from dist/ in a child process. Appends its output to a log file, and passes each parsed log line to
 * `onLine`.
 */
export class Program {
  readonly pid: number;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
  readonly #child: ChildProcess;
  readonly #log: WriteStream;
  #address: string | undefined;
  #metricsAddress: string | undefined;

  constructor(
    file: string,
    options: {
      args?: string[];
      environment: Record<string, string>;
      logFile: string;
      onLine: (line: LogLine) => void;
    },
  ) {
    const { args = [], environment, logFile, onLine } = options;
    const child = spawn(process.execPath, [`dist/${file}`, ...args], {
      env: { PATH: process.env.PATH, MONGODB_URI: '', MONGODB_DATABASE: '', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    child.once('exit', () => running.delete(child));
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.#log = createWriteStream(logFile, { flags: 'a' });
    this.#log.write(`== pid ${this.pid}\n`);
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      this.#log.write(chunk);
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#log.write(`${line}\n`);
      const parsed = parse(line);
      if (parsed.msg === 'listening') this.#address = parsed.url ?? parsed.uri;
      this.#metricsAddress ??= parsed.metrics;
      onLine(parsed);
    });
    this.ended = once(child, 'close').then(([code, signal]) => {
      this.#log.end();
      return { code, signal, stderr };
    });
  }

  get isRunning(): boolean {
    return running.has(this.#child);
  }

  /** The address on which the program listens; undefined until the program has logged it. */
  get address(): string | undefined {
    return this.#address;
  }

  /** The URL of the program's metrics; undefined until the program has logged it. */
  get metricsAddress(): string | undefined {
    return this.#metricsAddress;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /**
   * Waits until the program ends, and kills it after `limitMs`.
   * @returns whether the program ended before it was killed
   */
  async endsWithin(limitMs: number): Promise<boolean> {
    const given = new AbortController();
    const late = sleep(limitMs, false, { signal: given.signal }).catch(() => true);
    const inTime = await Promise.race([this.ended.then(() => true), late]);
    given.abort();
    if (!inTime) this.signal('SIGKILL');
    await this.ended;
    return inTime;
  }

  /** Resident memory of the process in MiB, without mapped files; undefined on systems other than Linux. */
  get ownMebibytes(): number | undefined {
    try {
      const kilobytes = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
      return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024;
    } catch {
      return undefined;
    }
  }

  /** Total time for which the process was ready to run but had no processor; 0 on systems other than Linux. */
  get waitedMs(): number {
    try {
      const [, nanoseconds] = readFileSync(`/proc/${this.pid}/schedstat`, 'utf8').split(' ');
      return Number(nanoseconds) / 1e6;
    } catch {
      return 0;
    }
  }
}

function parse(line: string): LogLine {
  try {
    return JSON.parse(line);
  } catch {
    return { level: 60, msg: `expected a JSON log line on stdout, got: ${line}` };
  }
}
