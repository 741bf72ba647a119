import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const running = new Set<ChildProcess>();

/** Remembers a process, so that `killAll` ends it if a failed test leaves it running. */
export function track<T extends ChildProcess>(child: T): T {
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Ends what a failed test left running: jest would wait for it forever. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Has a program note what it sends to the database, too; see traffic/record.cjs. */
function recordingTraffic(): Record<string, string> {
  const { TRAFFIC_DIR } = process.env;
  if (TRAFFIC_DIR === undefined) return {};
  return { TRAFFIC_DIR, NODE_OPTIONS: `--require ${join(process.cwd(), 'test/support/traffic/record.cjs')}` };
}

/** The service promises to end within 10 seconds. A busy machine delivers its signals, timers and exits later. */
const END_MS = 15_000;

/** A program of dist/, which global-setup.ts has built. */
export function run(file: string, environment: Record<string, string>, args: string[] = []) {
  return runProgram(process.execPath, [`dist/${file}`, ...args], environment);
}

/** A command of the package, such as `recoup-tasks keys`. */
export function runCommand(name: string, environment: Record<string, string>, args: string[] = []) {
  return run('src/cli.js', environment, [name, ...args]);
}

/** A program, with what it prints. */
export function runProgram(
  command: string,
  args: string[],
  environment: Record<string, string>,
  cwd?: string,
) {
  // .env is read from the working directory; an empty value counts as unset, so that a developer's does not matter.
  const child = track(
    spawn(command, args, {
      cwd,
      env: {
        PATH: process.env.PATH,
        MONGODB_URI: '',
        MONGODB_DATABASE: '',
        DRAIN_DELAY_MS: '0',
        ...recordingTraffic(),
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }));
  return {
    pid: child.pid,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    isRunning: () => running.has(child),
    ended,
    /** Waits for a text on stdout and returns all that has come. */
    async printed(text: string | RegExp): Promise<string> {
      while (stdout.search(text) === -1) {
        const next = await Promise.race([once(child.stdout, 'data'), ended]);
        if ('code' in next) throw new Error(`It ended without printing ${text}: ${stdout}${stderr}`);
      }
      return stdout;
    },
  };
}

/** The service on a free port; `url` once it listens. */
export async function runService(environment: Record<string, string>) {
  const service = run('src/main.js', { PORT: '0', ...environment });
  const log = await service.printed(/"msg":"listening"/);
  const url = /"url":"([^"]+)"/.exec(log)?.[1];
  if (!url) throw new Error(`No address in ${log}`);
  return { ...service, url };
}

/** Ends a process as an orchestrator does, and tells how it ended, or that it did not in time. */
export async function endedInTime({ kill, ended }: Pick<ReturnType<typeof run>, 'kill' | 'ended'>) {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('too late'), END_MS);
  });
  kill('SIGTERM');
  const outcome = await Promise.race([ended, late]);
  clearTimeout(timer);
  return outcome;
}
