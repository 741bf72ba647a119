/**
 * npm run soak: runs the built service as processes, under mixed requests of many clients and faults of every kind.
 * Then audits everything that it acknowledged.
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

Starts the service as processes, has clients read and write at once, kills, stalls and restarts service and database, and
then holds all that is stored against all that was acknowledged. Ends with 1 if anything is lost, wrong or hung.

  --minutes N  how long, all set-ups together (default ${DEFAULTS.minutes}; fractions are taken)
  --seed S     a number that decides what is asked and broken (default: the time); what happens in which order also
               depends on the machine
  --clients C  clients at once (default ${DEFAULTS.clients})
  --rate R     requests a second at most, all clients together (default ${DEFAULTS.rate})
  --set-up     alone: a service on its embedded database, which die together. pair: two services on one database, a process
               of its own. engine: the same, with services that execute tasks. Default: all, one after the other
  --keep       keep data and logs, also where nothing was found
  --help       this text

With MONGODB_URI set, pair uses that server, in a database of its own, and does not break it.
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
  if (setUps.length === 0) throw new UsageError('soak', '--set-up must be alone, pair, engine or all.');
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

/** Shows progress: on a terminal by overwriting one line, elsewhere by printing every tenth. */
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
      `${name}: ${mebibytes.toFixed(0)} MiB of own memory at most, grew by ${grown} MiB in the steady phase`,
    );
  }
  say(
    `event loops held up by ${Math.round(delays.longestMs(1))} ms at most, ${Math.round(delays.longestMs(0.99))} ms in 99 of 100 half seconds (of ${delays.looks})`,
  );
  const limitMs = Math.round(LIMIT_MS * figures.slowness);
  say(`slowest answer while nothing was broken: ${Math.round(figures.slowestMs)} ms`);
  say(`limit of a request, by the machine's load: ${LIMIT_MS} to ${limitMs} ms`);
  if (figures.needlessTags > 0) say(`ETags that changed though the body did not: ${figures.needlessTags}`);
  if (figures.followed) {
    const { followed, throughFaults } = figures.followed;
    say(`jobs followed after 202: ${followed}, ${throughFaults} of them through a fault`);
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
    else say(`\nData and logs are kept in ${directory}; to repeat it: --seed ${options.seed}`);
  }
  if (!isComplete) say(`Ended early by ${String(interrupted.signal.reason)}.`);
  if (found > 0 || !isComplete) process.exitCode = 1;
}

await runCommand({ name: 'soak', help: HELP, read: () => readArguments(process.argv.slice(2)), run });
