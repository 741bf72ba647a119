import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

/** CPU time that a process has used since its start, and its current memory. */
export interface Usage {
  cpuMs: number;
  rssBytes: number;
}

/** A message to which monitor.ts replies in each measured process. */
export interface Question {
  ask: 'usage' | 'watchDelay' | 'longestDelay' | 'startProfile' | 'endProfile';
}

const DIST = join(import.meta.dirname, '../..');
/** Node options that load monitor.ts into a process. */
export const MONITORING = ['--import', pathToFileURL(join(import.meta.dirname, 'monitor.js')).href];
const POLL_MS = 2;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const SAMPLE_EVERY_MS = 20;

/** Returns the resident memory of a process in bytes, without mapped files; undefined on systems other than Linux. */
function ownMemory(pid: number): number | undefined {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return undefined;
  const kilobytes = /RssAnon:\s+(\d+)/.exec(readFileSync(path, 'utf8'))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
}

/** Runs a program from dist/ in a child process that also loads monitor.ts, so that the bench can measure it. */
export class Monitored {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #log: string;

  /**
   * @param name - name in error messages and of the log file
   * @param file - path of the program inside dist/
   */
  constructor(name: string, file: string, { environment, folder }: ProcessSettings) {
    this.name = name;
    this.#log = join(folder, `${name.replaceAll(/\W+/g, '-')}.log`);
    const log = openSync(this.#log, 'w');
    // Log to a file, as in production, so that no reader of the log slows the process down. The folder has no .env, so
    // only `environment` configures the process.
    this.#child = spawn(process.execPath, [...MONITORING, join(DIST, file)], {
      cwd: folder,
      env: { PATH: process.env.PATH, NODE_OPTIONS: process.env.NODE_OPTIONS, ...environment },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #failure(what: string): Error {
    return new Error(`${this.name} ${what}:\n${readFileSync(this.#log, 'utf8').slice(-2_000)}`);
  }

  /** Waits until the process has logged its address, and returns the address. */
  async url(): Promise<string> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < deadline) {
      const text = readFileSync(this.#log, 'utf8');
      const url = /"msg":"listening"/.test(text) && /"url":"(http:[^"]+)"/.exec(text)?.[1];
      if (url) return url;
      if (this.#hasEnded) throw this.#failure('ended before it listened');
      await sleep(POLL_MS);
    }
    throw this.#failure(`does not listen after ${START_TIMEOUT_MS} ms`);
  }

  /**
   * Sends a message over IPC, and resolves to the reply. Replies have no id, so wait for each before sending another
   * message.
   */
  async ask<Reply>(question: object): Promise<Reply> {
    if (this.#hasEnded) throw this.#failure('ended before it was asked');
    const ended = new AbortController();
    const end = once(this.#child, 'exit', { signal: ended.signal }).then(() => {
      throw this.#failure('ended before it replied');
    });
    try {
      this.#child.send(question);
      const [reply] = await Promise.race([once(this.#child, 'message', { signal: ended.signal }), end]);
      return reply;
    } finally {
      ended.abort();
      end.catch(() => {});
    }
  }

  usage(): Promise<Usage> {
    return this.ask<Usage>({ ask: 'usage' } satisfies Question);
  }

  /** Returns the resident memory of the process in bytes. On Linux, excludes mapped files. */
  async memoryBytes(): Promise<number> {
    return ownMemory(this.#child.pid ?? 0) ?? (await this.usage()).rssBytes;
  }

  /** Measures the peak memory of the process while `work` runs. */
  async peakMemoryDuring<Result>(
    work: () => Promise<Result>,
  ): Promise<{ result: Result; peakBytes: number }> {
    let peakBytes = await this.memoryBytes();
    const sampling = setInterval(() => {
      peakBytes = Math.max(peakBytes, ownMemory(this.#child.pid ?? 0) ?? 0);
    }, SAMPLE_EVERY_MS);
    try {
      const result = await work();
      return { result, peakBytes: Math.max(peakBytes, await this.memoryBytes()) };
    } finally {
      clearInterval(sampling);
    }
  }

  /** Stops the process with SIGTERM, or with SIGKILL if it does not end within STOP_TIMEOUT_MS. */
  async stop(): Promise<void> {
    if (this.#hasEnded) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(kill);
  }
}

export interface ProcessSettings {
  /** All variables of the process except PATH and NODE_OPTIONS. */
  environment: Record<string, string>;
  /** Working directory, which also contains the log. */
  folder: string;
}
