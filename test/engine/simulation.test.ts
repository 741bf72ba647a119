/**
 * Three processes on one database and one virtual clock, while they are killed, paused, and their wall clocks are set: no
 * fire time is lost, and none runs twice. A failure prints its seed.
 */
import { describe, expect, test } from '@jest/globals';
import { parseSchedule } from '../../src/schedule/cron.ts';
import { fireTimes } from '../../src/schedule/fire-times.ts';
import { scheduledRunId } from '../../src/store/own-run.ts';
import { finalStatuses } from '../../src/store/run-status.ts';
import type { TaskDocument } from '../../src/store/task-document.ts';
import { randomFrom } from '../../scripts/soak/random.ts';
import { ACCOUNT, OTHER_ACCOUNT, task } from '../support/builders.ts';
import { isLong } from '../support/long.ts';
import { EngineProcess, type ExecutorCall, type Script } from './support/engine-process.ts';
import { memoryCollections } from './support/memory-collections.ts';
import { VirtualTime } from './support/virtual-time.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
/** New York's clocks go back at 06:00 UTC. */
const START = Date.parse('2026-11-01T04:00:30Z');
const TASKS = 30;
const CHAOS_MS = (isLong ? 150 : 45) * MINUTE;
const CALM_MS = 30 * MINUTE;
const SEEDS = isLong ? 5 : 1;

type Pick = <Item>(items: readonly [Item, ...Item[]]) => Item;

function tasksOf(pick: Pick): TaskDocument[] {
  return Array.from({ length: TASKS }, (_, at) =>
    task(at + 1, {
      schedule: pick(['* * * * *', '* * * * *', '*/2 * * * *', '*/7 * * * *', '30 1 * * *', '15 * * * *']),
      timezone: pick(['UTC', 'America/New_York', 'Australia/Lord_Howe']),
      account_id: pick([ACCOUNT, OTHER_ACCOUNT, '44444444-4444-4444-8444-444444444444']),
      overlap: pick(['skip', 'queue', 'allow']),
      catch_up: pick(['skip', 'once', 'all']),
      max_attempts: pick([1, 1, 2, 3]),
      timeout_seconds: 60,
      plan_from: new Date(START),
      next_fire_at: new Date(START),
    }),
  );
}

/** A call of an executor, and what it answered; nothing if its process died. */
interface Call extends ExecutorCall {
  answered?: string;
}

function scriptOf(random: () => number, calls: Call[]): Script {
  return async ({ signal, location, onAccepted }, process) => {
    const call = calls.at(-1);
    const ended = (kind: string) => {
      if (call) call.answered = kind;
    };
    const luck = random();
    if (luck < 0.1 && location === undefined) {
      await process.work(random() * 2 * SECOND, signal);
      ended('undelivered');
      return { kind: 'undelivered', error: { message: 'refused' } };
    }
    if (luck < 0.3 && location === undefined) await onAccepted('https://example.com/jobs/1');
    await process.work(random() * random() * 80 * SECOND, signal);
    if (signal.aborted) {
      ended('aborted');
      return { kind: 'aborted' };
    }
    ended(luck > 0.9 ? 'failed' : 'completed');
    if (luck > 0.9) return { kind: 'failed', error: { message: 'exit 1' }, repeatable: true };
    return { kind: 'completed', output: null };
  };
}

async function simulate(seed: number, withJumps: boolean) {
  const random = randomFrom(seed);
  const pick: Pick = (items) => items[Math.floor(random() * items.length)] ?? items[0];
  const time = new VirtualTime(1);
  const collections = memoryCollections();
  const tasks = tasksOf(pick);
  for (const one of tasks) await collections.tasks.insertOne(one);
  const calls: Call[] = [];
  const script = scriptOf(random, calls);
  const counts = { lost: 0, kills: 0, pauses: 0, jumps: 0 };
  const wait = (ms: number) =>
    new Promise<void>((resolve) => {
      time.at(time.ms + ms, resolve);
    });
  const latency = async (call: () => unknown) => {
    await wait(random() * 30);
    const result = await call();
    await wait(random() * 30);
    return result;
  };
  const start = (name: string) =>
    new EngineProcess({
      name,
      now: new Date(START + time.ms),
      collections,
      time,
      calls,
      script,
      latency,
      random,
      concurrency: 16,
      observer: {
        decided: () => {},
        started: () => {},
        attempted: () => {},
        lostLease: () => {
          counts.lost += 1;
        },
      },
    });
  const processes = new Map(['a', 'b', 'c'].map((name) => [name, start(name)]));
  const offsets = new Map<string, number>();

  while (time.ms < CHAOS_MS) {
    await time.pass(random() * 3 * MINUTE);
    const name = pick(['a', 'b', 'c']);
    const process = processes.get(name);
    const luck = random();
    if (!process) continue;
    if (luck < 0.4) {
      counts.kills += 1;
      process.kill();
      time.at(time.ms + random() * 2 * MINUTE, () => {
        offsets.delete(name);
        processes.set(name, start(name));
      });
      processes.delete(name);
    } else if (luck < 0.6) {
      counts.pauses += 1;
      process.pause();
      time.at(time.ms + random() * 2 * MINUTE, () => process.resume());
    } else if (luck < 0.7) {
      void process.engine.stop().then(() => process.kill());
      time.at(time.ms + MINUTE, () => {
        offsets.delete(name);
        processes.set(name, start(name));
      });
      processes.delete(name);
    } else if (withJumps) {
      counts.jumps += 1;
      const ms = Math.round((random() - 0.5) * 20 * MINUTE);
      process.clock.jump(ms);
      offsets.set(name, (offsets.get(name) ?? 0) + ms);
    }
  }
  for (const [name, ms] of offsets) processes.get(name)?.clock.jump(-ms);
  await time.pass(CALM_MS);
  for (const process of processes.values()) process.kill();
  const until = START + time.ms - 20 * MINUTE;
  const occurrences = await collections.occurrences.find().toArray();
  const runs = await collections.runs.find().toArray();
  return { tasks, occurrences, runs, calls, counts, until };
}

type Result = Awaited<ReturnType<typeof simulate>>;

/** Each fire time and what was decided about it. */
function decisionsOf({ tasks, occurrences, until }: Result) {
  return tasks.flatMap(({ _id, schedule, timezone }) => {
    const mine = occurrences.filter(({ task_id }) => task_id === _id);
    const instants: { id: string; at: number; decided: string[] }[] = [];
    for (const at of fireTimes(parseSchedule(schedule), timezone ?? 'UTC', START)) {
      if (at > until) break;
      const covering = mine.filter(
        ({ scheduled_at, last_scheduled_at = scheduled_at }) =>
          scheduled_at.getTime() <= at && last_scheduled_at.getTime() >= at,
      );
      instants.push({ id: _id, at, decided: covering.map(({ outcome }) => outcome) });
    }
    return instants;
  });
}

describe.each([
  ['kills and pauses', false],
  ['kills, pauses and jumps of wall clocks', true],
] as const)('with %s', (_name, withJumps) => {
  test.each(Array.from({ length: SEEDS }, (_, at) => at + 1))(
    'seed %i: each fire time is one run, or one recorded skip or miss',
    async (seed) => {
      const result = await simulate(seed, withJumps);
      const { runs, calls, counts, tasks, occurrences } = result;
      const decisions = decisionsOf(result);
      expect(decisions.filter(({ decided }) => decided.length === 0)).toEqual([]);
      // A clock that ran ahead may have recorded a gap that reaches into the future; fire times in it are decided once more.
      const twice = decisions.filter(({ decided }) => decided.length > 1);
      expect(withJumps ? twice.filter(({ decided }) => !decided.includes('missed')) : twice).toEqual([]);

      const byId = new Map(runs.map((run) => [run._id, run]));
      const fired = decisions.filter(({ decided }) => decided.includes('fired'));
      for (const { id, at } of fired) {
        const run = byId.get(scheduledRunId(id, new Date(at)));
        expect({ id, at, status: run?.status }).toEqual({ id, at, status: expect.any(String) });
        expect(finalStatuses).toContain(run?.status);
      }
      const firedIds = new Set(occurrences.flatMap(({ run_id }) => run_id ?? []));
      expect(runs.filter(({ _id }) => !firedIds.has(_id))).toEqual([]);

      const delivered = new Map<string, number>();
      for (const { job, location, answered } of calls) {
        if (location !== undefined || answered === 'undelivered') continue;
        const key = `${job.run.id} ${job.attempt}`;
        delivered.set(key, (delivered.get(key) ?? 0) + 1);
      }
      expect([...delivered].filter(([, count]) => count > 1)).toEqual([]);
      const most = new Map(tasks.map(({ _id, max_attempts = 1 }) => [_id, max_attempts]));
      expect(runs.filter(({ task_id, attempts = [] }) => attempts.length > (most.get(task_id) ?? 1))).toEqual(
        [],
      );
      const lost = runs
        .flatMap(({ attempts = [] }) => attempts)
        .filter(({ error }) => error?.name === 'LostWorker');
      expect(lost.length).toBeLessThanOrEqual(counts.lost);
      // The simulation is worth nothing if nothing happens in it.
      expect(Math.min(counts.kills, counts.pauses, counts.lost, lost.length)).toBeGreaterThan(0);
      expect(fired.length).toBeGreaterThan(300);
    },
  );
});
