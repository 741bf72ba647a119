import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { Engine } from '../../../src/engine/port.ts';
import { TriggerFailure } from '../../../src/engine/trigger/api.ts';
import { createTriggerClient } from '../../../src/engine/trigger/client.ts';
import type { Part, TriggerTools } from '../../../src/engine/trigger/part.ts';
import { startTriggerEngine } from '../../../src/engine/trigger/trigger-engine.ts';
import { EngineStore } from '../../../src/store/engine-store.ts';
import { memoryCollections } from '../support/memory-collections.ts';
import { ProcessClock, VirtualTime } from '../support/virtual-time.ts';
import { KEY, TASK } from './support/stub.ts';

const START = new Date('2026-11-23T12:00:00.000Z');
const SECOND = 1_000;

let time: VirtualTime;
let collections: ReturnType<typeof memoryCollections>;
/** Passes as `process part`. */
let passes: string[];
let tools: TriggerTools[];
let engines: Engine[];

beforeEach(() => {
  time = new VirtualTime();
  collections = memoryCollections();
  passes = [];
  tools = [];
  engines = [];
});
afterEach(async () => {
  const ended = Promise.all(engines.map((engine) => engine.stop()));
  await time.pass(SECOND);
  await ended;
});

const noWork = async () => undefined;

/** Starts a process that makes a pass every 5 seconds. */
async function start(
  name: string,
  run: Part['run'] = noWork,
  figures: Part['figures'] = () => ({}),
  runWaking: Part['run'] = noWork,
) {
  let isAlive = true;
  const now = new Date(START.getTime() + time.ms);
  const clock = new ProcessClock(time, now, (callback) => isAlive && callback());
  const settings = { task: TASK, secretKey: KEY, apiUrl: 'http://trigger.test', prefix: 'recoup-' };
  const api = await createTriggerClient({ settings, clock, signal: new AbortController().signal });
  const part = (wakes: boolean): Part => ({
    name: wakes ? 'waking' : 'steady',
    everyMs: 5 * SECOND,
    wakes,
    figures,
    run: async (signal) => {
      passes.push(`${name} ${wakes ? 'waking' : 'steady'}`);
      return wakes ? runWaking(signal) : run(signal);
    },
  });
  const parts = (given: TriggerTools) => {
    tools.push(given);
    return [part(false), part(true)];
  };
  const log = pino({ level: 'silent' });
  const engine = startTriggerEngine({ collections, api, settings, parts, log, clock });
  engines.push(engine);
  await time.quiet();
  const kill = () => (isAlive = false);
  return { engine, kill };
}

/** The processes that made passes since the last call. */
const working = () => [...new Set(passes.splice(0).map((pass) => pass.split(' ')[0]))];

describe('of several processes', () => {
  test('one leads, and the next one at most 10 seconds after it stopped', async () => {
    const one = await start('one');
    await start('two');
    await time.pass(60 * SECOND);
    expect(working()).toEqual(['one']);
    await one.engine.stop();
    passes.length = 0;
    await time.pass(10 * SECOND);
    expect(working()).toEqual(['two']);
    expect(new Set(tools.map(({ shared }) => shared.installation)).size).toBe(1);
  });

  test('the next one leads within 50 seconds after one was killed', async () => {
    const one = await start('one');
    await start('two');
    await time.pass(25 * SECOND);
    one.kill();
    engines.shift();
    passes.length = 0;
    await time.pass(15 * SECOND);
    expect(working()).toEqual([]);
    await time.pass(35 * SECOND);
    expect(working()).toEqual(['two']);
  });

  test('one that loses the lead makes no further pass, and its signal is aborted', async () => {
    const signals: AbortSignal[] = [];
    await start('one', async (signal) => {
      signals.push(signal);
      return undefined;
    });
    await collections.trigger.updateOne(
      { _id: 'trigger' },
      { $set: { owner: 'another', until: new Date(START.getTime() + 3_600_000) } },
    );
    await time.pass(10 * SECOND);
    passes.length = 0;
    await time.pass(60 * SECOND);
    expect(working()).toEqual([]);
    expect(signals.map(({ aborted }) => aborted)).not.toContain(false);
  });
});

test('while an engine of another kind is live, none leads', async () => {
  const renew = () => new EngineStore(collections).renew('command', new Date(START.getTime() + time.ms));
  await renew();
  const { engine } = await start('one');
  expect(engine.state()).toEqual({ kind: 'trigger', live: false });
  await time.pass(59 * SECOND);
  expect(working()).toEqual([]);
  await time.pass(11 * SECOND);
  expect(working()).toEqual(['one']);
  expect(engine.state()).toEqual({ kind: 'trigger', live: true });
});

test('a failure of Trigger.dev is the state until a pass succeeds, and repeats back off to 20 seconds', async () => {
  const atSeconds: number[] = [];
  let isDown = true;
  const { engine } = await start('one', async () => {
    atSeconds.push(time.ms / SECOND);
    if (isDown) throw new TriggerFailure('unreachable', 'Trigger.dev cannot be reached');
    return undefined;
  });
  await time.pass(71 * SECOND);
  expect(atSeconds).toEqual([0, 1, 3, 7, 15, 31, 51, 71]);
  expect(engine.state().problem).toBe('Trigger.dev cannot be reached');
  isDown = false;
  await time.pass(25 * SECOND);
  expect(atSeconds.slice(-2)).toEqual([91, 96]);
  expect(engine.state()).toEqual({ kind: 'trigger', live: true });
});

test('what a pass reports is the state; another failure is logged, and a pass follows', async () => {
  const results = [
    async () => 'six schedules',
    () => Promise.reject(new Error('database')),
    async () => undefined,
  ];
  const { engine } = await start('one', async () => results.shift()?.());
  expect(engine.state().problem).toBe('six schedules');
  await time.pass(5 * SECOND);
  expect(engine.state().problem).toBe('six schedules');
  await time.pass(2 * SECOND);
  expect(engine.state().problem).toBeUndefined();
});

test('different problems of several parts are shown with the names of the parts', async () => {
  const problems = { steady: 'six schedules', waking: 'six schedules' };
  const { engine } = await start(
    'one',
    async () => problems.steady,
    undefined,
    async () => problems.waking,
  );
  expect(engine.state().problem).toBe('six schedules');
  problems.waking = 'one run';
  await time.pass(5 * SECOND);
  expect(engine.state().problem).toBe('steady: six schedules; waking: one run');
});

test('the figures of the parts are the state of the process that leads', async () => {
  const pending = 3;
  const { engine } = await start('one', undefined, () => ({ pending }));
  const { engine: other } = await start('two', undefined, () => ({ pending }));
  expect(engine.state()).toEqual({ kind: 'trigger', live: true, pending });
  expect(other.state()).toEqual({ kind: 'trigger', live: true });
});

test('waking starts a pass of the parts that want it', async () => {
  const { engine } = await start('one');
  passes.length = 0;
  engine.wake();
  await time.quiet();
  expect(passes).toEqual(['one waking']);
});
