import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutorSettings } from '../../config/executor-settings.ts';
import { exactJson } from '../../lib/exact-json.ts';
import type { Attempt, Executor, Outcome } from '../port.ts';
import { deliveredElsewhere, failed } from './outcomes.ts';
import { Beginning, MAX_OUTPUT_BYTES, MAX_STACK_BYTES, outputOf, runError } from './output.ts';

/** Time between SIGTERM and SIGKILL. */
const KILL_AFTER_MS = 5_000;
const POLL_MS = 50;
/** How long to read output that is still in the pipes after the processes of a command have ended. */
const DRAIN_MS = 500;

/**
 * Runs the command, $1, next to a watcher in the same process group. Only the service holds the other end of file
 * descriptor 3, a pipe. When the service dies, even by SIGKILL, the watcher reads end-of-file and ends the group. When
 * the command ends, the shell stops the watcher with USR1, unless the watcher is already ending the group. The shell
 * waits for both, so that no zombie remains if the service is process 1.
 */
const SCRIPT = `
(trap '' TERM; read -r _; trap '' USR1; kill -TERM 0; sleep 3; kill -KILL 0) <&3 >/dev/null 2>&1 &
watcher=$!
trap : TERM
/bin/sh -c "$1" 3<&-
code=$?
kill -USR1 $watcher
wait $watcher 2>/dev/null
exit $code`;

type CommandSettings = Pick<Extract<ExecutorSettings, { kind: 'command' }>, 'command' | 'environment'>;
type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Sends a signal to a process group; 0 only checks the group. @returns false if the group has no members */
function signalGroup(pgid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pgid, signal);
  } catch {
    return false;
  }
}

/** Ends a process group with SIGTERM, and with SIGKILL if it is still alive after KILL_AFTER_MS. */
async function endGroup(pgid: number): Promise<void> {
  if (!signalGroup(pgid, 'SIGTERM')) return;
  for (let waitedMs = 0; waitedMs < KILL_AFTER_MS; waitedMs += POLL_MS) {
    await pause(POLL_MS);
    if (!signalGroup(pgid, 0)) return;
  }
  signalGroup(pgid, 'SIGKILL');
}

/**
 * Keeps the last bytes of a stream: one more than a run stores, so that `runError` sees that the text is longer.
 * @returns a function that returns these bytes as text
 */
function collectEnd(stream: Readable): () => string {
  let end = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => (end = Buffer.concat([end, chunk]).subarray(-MAX_STACK_BYTES - 1)));
  return () => end.toString();
}

/** Returns the line of stderr that explains why a command failed. Node and Java print the stack after that line. */
function reasonIn(stderr: string): string | undefined {
  const lines = stderr.trimEnd().split('\n');
  return lines.findLast((line) => /^(Uncaught )?[\w.]*(Error|Exception)\b/.test(line)) ?? lines.at(-1);
}

function failure(code: unknown, killedBy: unknown, stderr: string): Outcome {
  const how = code === null ? `was ended by ${String(killedBy)}` : `exited with code ${String(code)}`;
  const reason = reasonIn(stderr);
  const message = `The command ${how}${reason ? `: ${reason}` : '.'}`;
  return failed('CommandFailed', message, true, stderr);
}

/** Waits until a process has ended, then ends the rest of its process group. On abort, ends the whole group at once. */
async function ended(child: Child, pgid: number, signal: AbortSignal) {
  const closed = once(child, 'close');
  const exited = once(child, 'exit');
  let ending: Promise<void> | undefined;
  const onAbort = () => {
    ending ??= endGroup(pgid);
  };
  signal.addEventListener('abort', onAbort);
  const [code, killedBy]: (number | string | null)[] = await exited;
  const { aborted } = signal;
  signal.removeEventListener('abort', onAbort);
  // End processes that the command has left behind in its group.
  await (ending ?? endGroup(pgid));
  // A process that left the group may hold the pipes open.
  await Promise.race([closed, pause(DRAIN_MS, undefined, { ref: false })]);
  for (const stream of child.stdio) stream?.destroy();
  return { code, killedBy, aborted };
}

/** Executes a job as a shell command, which reads the job as JSON from stdin. */
export class CommandExecutor implements Executor {
  readonly kind = 'command';
  readonly #command: string;
  readonly #environment: NodeJS.Dict<string>;
  readonly #shell: string;

  /** @param environment - the complete environment of the command, which inherits no other variables */
  constructor({ command, environment }: CommandSettings, shell = '/bin/sh') {
    this.#command = command;
    this.#environment = environment;
    this.#shell = shell;
  }

  async execute({ job, signal, location }: Attempt): Promise<Outcome> {
    if (location !== undefined) return deliveredElsewhere('a command');
    if (signal.aborted) return { kind: 'aborted' };
    const child = spawn(this.#shell, ['-c', SCRIPT, 'sh', this.#command], {
      // Starts a new process group.
      detached: true,
      env: this.#environment,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
    const { pid } = child;
    if (pid === undefined) {
      // The shell is missing, or there are too many processes or open files. The command has not started, and the child
      // may have no streams.
      const [error]: unknown[] = await once(child, 'error');
      return { kind: 'undelivered', error: runError('NotStarted', String(error)) };
    }
    const stdout = new Beginning(MAX_OUTPUT_BYTES);
    child.stdout.on('data', (chunk: Buffer) => stdout.add(chunk));
    const stderr = collectEnd(child.stderr);
    // Ignore write errors: a command may exit without reading its input.
    child.stdin.on('error', () => {});
    child.stdin.end(exactJson(job));
    const { code, killedBy, aborted } = await ended(child, pid, signal);
    if (aborted) return { kind: 'aborted' };
    return code === 0 ? { kind: 'completed', output: outputOf(stdout) } : failure(code, killedBy, stderr());
  }

  async close(): Promise<void> {}
}
