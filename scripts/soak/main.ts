/**
 * `npm run soak`: sends the built service requests from many concurrent clients, while it kills, restarts and suspends
 * the processes of the service and the database. Then checks that everything acknowledged is stored.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  UsageError,
  count,
  parseArguments,
  runCommand,
  settingsOf,
} from '../../src/commands/command-line.ts';
import { LIMIT_MS } from './exchange.ts';
import { killAll } from './program.ts';
import { type Plan, type Result, soak } from './soak.ts';

const SHOWN_FINDINGS = 10;
const DEFAULTS = { minutes: 5, clients: 20, rate: 150 };

const HELP = `Usage: npm run soak -- [--minutes N] [--seed S] [--clients C] [--rate R] [--set-up alone|pair|engine|all] [--keep]

Starts the service, reads and writes with concurrent clients, and meanwhile kills, restarts and suspends the service and the
database. Then compares everything stored with everything acknowledged. Exits with 1 if anything is lost, wrong or hung.

  --minutes N  duration of all set-ups together, such as 0.5 (default ${DEFAULTS.minutes})
  --seed S     a number that determines the requests and faults (default: from the clock); their order also depends on the
               speed of the machine
  --clients C  number of concurrent clients (default ${DEFAULTS.clients})
  --rate R     maximum number of requests per second, of all clients together (default ${DEFAULTS.rate})
  --set-up     alone: one service with its embedded database, in one process. pair: two services that share a database in
               another process. engine: like pair, but the services execute tasks. Default: all, one after the other
  --keep       keep data and logs even if nothing was found
  --help       show this text

If MONGODB_URI is set, pair and engine use a new database on that server, and inject no faults into that server.
`;

interface Options extends Pick<Plan, 'seconds' | 'seed' | 'clients' | 'requestsPerSecond'> {
  setUps: Plan['setUp'][];
  keep: boolean;
}

function number(name: string, text: string | undefined, fallback: number, most: number): number {
  if (text === undefined) return fallback;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0 && value <= most) return value;
  throw new UsageError('soak', `--${name} must be a number above 0, up to ${count(most)}, but is "${text}".`);
}

/**
 * Parses the command line.
 * @throws UsageError
 */
function readArguments(args: string[]): Options | 'help' {
  const { values } = parseArguments('soak', {
    args,
    options: {
      minutes: { type: 'string' },
      seed: { type: 'string' },
      clients: { type: 'string' },
      rate: { type: 'string' },
      'set-up': { type: 'string', default: 'all' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return 'help';
  const setUps = (['alone', 'pair', 'engine'] as const).filter((name) =>
    ['all', name].includes(values['set-up']),
  );
  if (setUps.length === 0)
    throw new UsageError(
      'soak',
      `--set-up must be alone, pair, engine or all, but is "${values['set-up']}".`,
    );
  return {
    seconds: (number('minutes', values.minutes, DEFAULTS.minutes, 24 * 60) * 60) / setUps.length,
    seed: Math.floor(number('seed', values.seed, Date.now() % 1e9, 1e9)),
    clients: Math.floor(number('clients', values.clients, DEFAULTS.clients, 1_000)),
    requestsPerSecond: number('rate', values.rate, DEFAULTS.rate, 10_000),
    setUps,
    keep: values.keep,
  };
}

const say = (line: string) => process.stdout.write(`${line}\n`);

/**
 * Returns the callback for progress, which `soak` calls once a second. On a terminal, each call overwrites one line;
 * elsewhere, every tenth call prints a line.
 */
function progressOf(setUp: string): Plan['onProgress'] {
  let calls = 0;
  return (phase, figures, { counts }) => {
    calls += 1;
    const line = `${setUp}: ${phase}, ${calls} s, ${count(figures.totalRequests)} requests, ${figures.totalFaults} faults, ${counts.lost} lost, ${counts.wrong} wrong, ${counts.hung} hung`;
    if (process.stdout.isTTY) process.stdout.write(`\r\u001B[K${line}`);
    else if (calls % 10 === 0) say(line);
  };
}

function report(setUp: string, { figures, findings, delays, growth }: Result): void {
  if (process.stdout.isTTY) say('');
  say(`\n== ${setUp}: ${count(figures.totalRequests)} requests, ${figures.totalFaults} faults survived`);
  say(figures.table());
  for (const [kind, times] of figures.faults) say(`${kind.padEnd(24)}${String(times).padStart(14)}`);
  for (const [name, mebibytes] of figures.peakMebibytes) {
    const grown = growth.find((one) => one.name === name)?.mebibytes.toFixed(1) ?? 'unknown';
    say(
      `${name}: at most ${mebibytes.toFixed(0)} MiB of own memory, which grew by ${grown} MiB in the steady phase`,
    );
  }
  say(
    `event loops were delayed by at most ${Math.round(delays.longestMs(1))} ms, and in 99 of 100 half seconds by at most ${Math.round(delays.longestMs(0.99))} ms (${delays.looks} measurements)`,
  );
  const limitMs = Math.round(LIMIT_MS * figures.slowness);
  say(`slowest reply without a fault: ${Math.round(figures.slowestMs)} ms`);
  say(
    `time limit of a request: ${LIMIT_MS} ms, extended to at most ${limitMs} ms by the load on the machine`,
  );
  if (figures.needlessTags > 0) say(`ETags that changed though the body did not: ${figures.needlessTags}`);
  if (figures.followed) {
    const { followed, throughFaults } = figures.followed;
    say(
      `jobs answered with 202: ${followed}, of which ${throughFaults} were polled before and after a fault`,
    );
  }
  const { lost, wrong, hung } = findings.counts;
  say(`${lost} lost, ${wrong} wrong, ${hung} hung`);
  for (const { severity, what, history } of findings.kept.slice(0, SHOWN_FINDINGS)) {
    say(`\n${severity}: ${what}`);
    for (const event of history) say(`  ${event}`);
  }
}

async function run(options: Options): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'recoup-soak-'));
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort(name));
  say(`seed ${options.seed}; data and logs in ${directory}`);
  let found = 0;
  let isComplete = false;
  try {
    for (const setUp of options.setUps) {
      const { signal } = interrupted;
      const mongodbUri = settingsOf().database.uri;
      const result = await soak({
        ...options,
        setUp,
        directory,
        mongodbUri,
        signal,
        onProgress: progressOf(setUp),
      });
      report(setUp, result);
      found += result.findings.total;
      if (signal.aborted) break;
    }
    isComplete = !interrupted.signal.aborted;
  } finally {
    killAll();
    const isClean = isComplete && found === 0;
    if (isClean && !options.keep) await rm(directory, { recursive: true });
    else say(`\nData and logs are kept in ${directory}. To repeat the test, pass --seed ${options.seed}.`);
  }
  if (!isComplete) say(`Ended early by ${String(interrupted.signal.reason)}.`);
  if (found > 0 || !isComplete) process.exitCode = 1;
}

await runCommand({ name: 'soak', help: HELP, read: () => readArguments(process.argv.slice(2)), run });
