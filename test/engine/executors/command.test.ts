import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CommandExecutor } from '../../../src/engine/executors/command.ts';
import { readSettings } from '../../../src/config/settings.ts';
import { killAll, runProgram } from '../../support/process.ts';
import { type Behavior, JOB, PROMPT, attempt, behavesAsExecutor } from './port.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recoup-command-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
afterAll(killAll);

/** The settings of a command that finds the test's folder in FOLDER. */
function settingsOf(command: string, more: Record<string, string> = {}) {
  const environment = { RUN_COMMAND: command, PATH: process.env.PATH, FOLDER: folder, ...more };
  const { engine } = readSettings({ RUN_COMMAND_ENV: 'FOLDER', ...environment });
  if (engine?.executor.kind !== 'command') throw new Error('These are no settings of a command.');
  return engine.executor;
}

const execute = (command: string, changes = {}) =>
  new CommandExecutor(settingsOf(command)).execute(attempt(changes));

/** What a command has written into the test's folder, once there is something. */
async function written(name: string): Promise<string> {
  for (;;) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    if (text.endsWith('\n')) return text.trim();
    await pause(20);
  }
}

/** The shell's wait for a file in the test's folder. */
const untilWritten = (name: string) => `until [ -s $FOLDER/${name} ]; do sleep 0.05; done`;

/** Whether a process executes code: one that waits for its parent to read its status does not. */
async function isAlive(pid: string): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return state !== '' && !/\) [ZX] /.test(state);
}

async function gone(pid: string): Promise<void> {
  while (await isAlive(pid)) await pause(20);
}

describe('the executor of RUN_COMMAND', () => {
  const COMMANDS: Record<Behavior, string> = {
    completes: 'echo 1 >> $FOLDER/received; echo the work is done',
    fails: 'echo the reason >&2; exit 3',
    'never ends': 'echo 1 >> $FOLDER/received; sleep 600',
    'cannot be reached': 'true',
  };
  behavesAsExecutor({
    kind: 'command',
    make: async (behavior) =>
      new CommandExecutor(
        settingsOf(COMMANDS[behavior]),
        behavior === 'cannot be reached' ? join(folder, 'no-shell') : undefined,
      ),
    received: () => written('received'),
    count: () => (existsSync(join(folder, 'received')) ? 1 : 0),
  });
});

describe('a command', () => {
  test('reads the job as JSON, 64-bit integers with all their digits', async () => {
    const outcome = await execute('cat');
    expect(outcome).toEqual({ kind: 'completed', output: JOB });
  });

  test.each([
    ['echo hello', 'hello'],
    ['echo 42', 42],
    ['echo 9007199254740993', 9007199254740993n],
    ['echo null', null],
    [String.raw`printf '{"a": [1, 2.5]}'`, { a: [1, 2.5] }],
  ])('%s has its stdout as output', async (command, output) => {
    expect(await execute(command)).toEqual({ kind: 'completed', output });
  });

  test('that reads nothing of a long input completes', async () => {
    const task = { ...JOB.task, prompt: 'x'.repeat(1_000_000) };
    expect(await execute('exec <&-; echo done', { job: { ...JOB, task } })).toEqual({
      kind: 'completed',
      output: 'done',
    });
  });

  test('that prints too much is read to its end, and the output is cut', async () => {
    const outcome = await execute('yes | head -c 50000000');
    expect(outcome).toMatchObject({
      output: { truncated: true, note: 'The output has 50,000,000 bytes; a run keeps the first 262,144.' },
    });
  });

  test('that fails reports the end of its stderr', async () => {
    const outcome = await execute('seq 1 100000 >&2; exit 3');
    expect(outcome).toMatchObject({
      kind: 'failed',
      repeatable: true,
      error: {
        name: 'CommandFailed',
        message: 'The command exited with code 3: 100000',
        stackTrace: expect.stringMatching(/^\(cut\) …[^]*99999\n100000\n$/),
      },
    });
  });

  test('that throws reports the error, although the stack comes after it', async () => {
    const outcome = await execute(`node -e 'throw new TypeError("The clip is too long")'`);
    expect(outcome).toMatchObject({
      error: { message: 'The command exited with code 1: TypeError: The clip is too long' },
    });
  });

  test('that is not found has failed, because a part of it may have been executed', async () => {
    expect(await execute('echo 1 > $FOLDER/effect; no-such-command')).toMatchObject({
      kind: 'failed',
      error: { message: expect.stringContaining('exited with code 127') },
    });
    expect(await written('effect')).toBe('1');
  });

  test('ends with all of its background processes', async () => {
    const outcome = await execute('sleep 600 & echo $! > $FOLDER/pid; echo done');
    expect(outcome).toEqual({ kind: 'completed', output: 'done' });
    expect(await isAlive(await written('pid'))).toBe(false);
  });

  test('completes while a process that left its group holds its stdout open', async () => {
    const outcome = await execute(
      `setsid sh -c 'echo $$ > $FOLDER/pid; exec sleep 600' & ${untilWritten('pid')}; echo done`,
    );
    expect(outcome).toEqual({ kind: 'completed', output: 'done' });
    process.kill(Number(await written('pid')));
  });
});

describe('security: a command', () => {
  test('never has the prompt in a command line or in the environment', async () => {
    const outcome = await execute("cat /proc/*/cmdline /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; true");
    const output = JSON.stringify(outcome);
    expect(output).toContain('/proc/*/cmdline');
    expect(output).not.toContain(PROMPT.slice(0, 10));
    expect(output).not.toContain('mark-of-the-prompt');
  });

  test('gets PATH, HOME, LANG, TZ, TMPDIR and what RUN_COMMAND_ENV names, and no other variable', async () => {
    process.env.RECOUP_TEST_SECRET = 'secret';
    const given = { HOME: '/h', LANG: 'C', TZ: 'UTC', TMPDIR: '/t', MONGODB_URI: 'mongodb://u:secret@h' };
    const settings = settingsOf('env', given);
    const outcome = await new CommandExecutor(settings).execute(attempt());
    delete process.env.RECOUP_TEST_SECRET;
    const text = outcome.kind === 'completed' ? String(outcome.output) : '';
    const names = text.split('\n').map((line) => line.split('=')[0]);
    // Shells set these themselves.
    const byShell = new Set(['OLDPWD', 'PWD', 'SHLVL', '_']);
    const own = names.filter((name) => name !== undefined && !byShell.has(name));
    expect(own.toSorted()).toEqual(['FOLDER', 'HOME', 'LANG', 'PATH', 'TMPDIR', 'TZ']);
    expect(text).not.toContain('secret');
  });

  test('that is aborted gets SIGTERM, and so does every process of its group', async () => {
    const controller = new AbortController();
    const outcome = execute(
      `sh -c 'trap "echo asked > $FOLDER/asked; exit" TERM; echo $$ > $FOLDER/pid; while :; do sleep 0.1; done' & wait`,
      { signal: controller.signal },
    );
    const pid = await written('pid');
    controller.abort();
    expect(await outcome).toEqual({ kind: 'aborted' });
    expect(await written('asked')).toBe('asked');
    await gone(pid);
  });

  test('that ignores SIGTERM is killed with its group', async () => {
    const controller = new AbortController();
    const outcome = execute("trap '' TERM; sleep 600 & echo $! > $FOLDER/pid; sleep 600; sleep 600", {
      signal: controller.signal,
    });
    const pid = await written('pid');
    controller.abort();
    expect(await outcome).toEqual({ kind: 'aborted' });
    await gone(pid);
  });

  test.each([
    ['ends', 'sleep 600 & echo $! > $FOLDER/pid; wait'],
    ['and ignores SIGTERM ends', "trap '' TERM; sleep 600 & echo $! > $FOLDER/pid; sleep 600; sleep 600"],
  ])('whose service is killed by SIGKILL %s', async (_how, command) => {
    const program = `
      import { CommandExecutor } from './dist/src/engine/executors/command.js';
      const executor = new CommandExecutor(${JSON.stringify(settingsOf(command))});
      const run = { id: 'run_1' };
      await executor.execute({ job: { task: {}, run, attempt: 1 }, signal: new AbortController().signal });`;
    const service = runProgram(process.execPath, ['--input-type=module', '--eval', program], {});
    const pid = await written('pid');
    service.kill('SIGKILL');
    await service.ended;
    await gone(pid);
  });
});
