/**
 * Measures the cost of computing fire times with our own code and with two common packages. Runs in a separate
 * process, and writes the figures to stdout as JSON.
 */
import { Cron } from 'croner';
import { CronExpressionParser } from 'cron-parser';
import { parseSchedule } from '../../src/schedule/cron.ts';
import { fireTimes } from '../../src/schedule/fire-times.ts';

const COUNT = 10;
const SCHEDULES = 1_000;
const ZONES_AT_ONCE = 10;
const FROM = new Date('2026-11-26T00:00:00Z');

/** Parses a schedule, and computes its next ten fire times. */
type Scheduler = (cron: string, zone: string) => unknown;

const ours: Scheduler = (cron, zone) => {
  const times: number[] = [];
  for (const at of fireTimes(parseSchedule(cron), zone, FROM.getTime())) {
    if (times.push(at) === COUNT) break;
  }
  return times;
};
const cronParser: Scheduler = (cron, zone) =>
  CronExpressionParser.parse(cron, { tz: zone, currentDate: FROM }).take(COUNT);
const croner: Scheduler = (cron, zone) => new Cron(cron, { timezone: zone }).nextRuns(COUNT, FROM);

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Returns the CPU of one call in microseconds. Makes `calls` calls to warm up, then measures as many. */
function warmMicroseconds(scheduler: Scheduler, cron: string, calls: number): number {
  for (let call = 0; call < calls; call += 1) scheduler(cron, 'Europe/Berlin');
  const before = cpuMs();
  for (let call = 0; call < calls; call += 1) scheduler(cron, 'Europe/Berlin');
  return (1_000 * (cpuMs() - before)) / calls;
}

const weekly = (at: number) => `${at % 60} ${Math.floor(at / 60) % 24} * * ${at % 7}`;

/** Returns the CPU of parsing SCHEDULES different weekly schedules and computing their fire times, in milliseconds. */
function distinctMs(scheduler: Scheduler, zones: string[]): number {
  const before = cpuMs();
  for (let at = 0; at < SCHEDULES; at += 1) scheduler(weekly(at), zones[at % zones.length] ?? 'UTC');
  return cpuMs() - before;
}

/**
 * The time zones that have not been used yet, ordered so that regions mix. Each use removes its zones, so that every
 * measurement gets zones that the code has not seen.
 */
const zones = Intl.supportedValuesOf('timeZone').toSorted((a, b) =>
  [...a].toReversed().join('') < [...b].toReversed().join('') ? -1 : 1,
);
const nextZones = () => zones.splice(0, ZONES_AT_ONCE);

function measure() {
  const warm = (cron: string) => warmMicroseconds(ours, cron, 2_000);
  const cold = distinctMs(ours, nextZones());
  const [zone = 'UTC'] = zones.splice(0, 1);
  const before = performance.now();
  ours('0 9 * * *', zone);
  const firstUseMs = performance.now() - before;
  const compared = nextZones();
  return {
    distinctMs: cold,
    firstUseMs,
    hourly: warm('0 * * * *'),
    weekly: warm('0 9 * * 4'),
    monthly: warm('0 9 1 * *'),
    leapDay: warm('0 9 29 2 *'),
    cronParserWeekly: warmMicroseconds(cronParser, '0 9 * * 4', 20),
    cronerWeekly: warmMicroseconds(croner, '0 9 * * 4', 20),
    cronParserMs: distinctMs(cronParser, compared),
    cronerMs: distinctMs(croner, compared),
  };
}

export type SchedulerFigures = ReturnType<typeof measure>;

// Let the compiler optimize our code before the measurement.
for (let time = 0; time < 10; time += 1) distinctMs(ours, nextZones());
process.stdout.write(JSON.stringify(measure()));
