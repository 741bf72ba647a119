import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type WriteStream, createWriteStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** A line of a program's log: the fields of pino that matter here. */
export interface LogLine {
  level?: number;
  msg?: string;
  code?: string;
  url?: string;
  uri?: string;
  metrics?: string;
}

const running = new Set<ChildProcess>();

/** Kills every process that this program started. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}
process.on('exit', killAll);

/** A program from dist/ in a child process. Its log is written to a file and passed to `onLine` line by line. */
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

  /** Address on which it listens, once it has logged that. */
  get address(): string | undefined {
    return this.#address;
  }

  /** Address of its metrics, once it has logged that. */
  get metricsAddress(): string | undefined {
    return this.#metricsAddress;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Whether it ends in time; otherwise it is killed. */
  async endsWithin(limitMs: number): Promise<boolean> {
    const given = new AbortController();
    const late = sleep(limitMs, false, { signal: given.signal }).catch(() => true);
    const inTime = await Promise.race([this.ended.then(() => true), late]);
    given.abort();
    if (!inTime) this.signal('SIGKILL');
    await this.ended;
    return inTime;
  }

  /** Memory without mapped files, in MiB; undefined on systems other than Linux. */
  get ownMebibytes(): number | undefined {
    try {
      const kilobytes = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
      return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024;
    } catch {
      return undefined;
    }
  }

  /** Total time for which it was ready to run but had no processor; 0 on systems other than Linux. */
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
    return { level: 60, msg: `not a line of the log: ${line}` };
  }
}
