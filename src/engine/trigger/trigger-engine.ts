import { randomUUID } from 'node:crypto';
import { EngineStore } from '../../store/engine-store.ts';
import type { TriggerDocument } from '../../store/trigger-document.ts';
import { TRIGGER_KIND } from '../../store/trigger-fields.ts';
import { TriggerStore } from '../../store/trigger-store.ts';
import { Loop, systemClock } from '../loop.ts';
import type { Clock, Engine, EngineState } from '../port.ts';
import { TriggerFailure } from './api.ts';
import type { Part, TriggerTools } from './part.ts';

const RENEW_MS = 10_000;
const LEAST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 20_000;

export interface TriggerEngineOptions extends Omit<TriggerTools, 'shared' | 'clock'> {
  parts: (tools: TriggerTools) => Part[];
  clock?: Clock;
}

/** A period during which this process leads the synchronization with Trigger.dev. */
interface Term {
  ending: AbortController;
  loops: { part: Part; loop: Loop }[];
}

/** Joins the problems of the parts. Names the parts only if their problems differ: an outage affects all parts. */
function describeProblems(problems: ReadonlyMap<string, string>): string | undefined {
  const [problem, another] = new Set(problems.values());
  if (another === undefined) return problem;
  return [...problems].map(([part, text]) => `${part}: ${text}`).join('; ');
}

/**
 * Starts an engine that has Trigger.dev execute tasks. Several processes may do so on the same database; one of them
 * leads and does all the work.
 */
export function startTriggerEngine({ parts, clock = systemClock, ...given }: TriggerEngineOptions): Engine {
  const { collections, log } = given;
  const engine = new EngineStore(collections);
  const store = new TriggerStore(collections);
  const owner = randomUUID();
  /** Current problems, by the name of the part that reported them. */
  const problems = new Map<string, string>();
  let isLive = false;
  let isIdleLogged = false;
  let term: Term | undefined;
  /** Resolves when the passes of former terms have ended. */
  let ended: Promise<unknown> = Promise.resolve();

  function note(part: Part, problem: string | undefined): void {
    const before = problems.get(part.name);
    if (problem === undefined) problems.delete(part.name);
    else problems.set(part.name, problem);
    if (problem !== undefined && problem !== before) log.warn({ part: part.name }, problem);
    if (problem === undefined && before !== undefined)
      log.info({ part: part.name }, 'the problem with this part is resolved');
  }

  function loopOf(part: Part, signal: AbortSignal): Loop {
    let backoffMs = 0;
    const pass = async () => {
      try {
        const problem = await part.run(signal);
        if (!signal.aborted) note(part, problem);
        backoffMs = 0;
        return part.everyMs;
      } catch (error) {
        // At shutdown, the client aborts its calls before this loop stops.
        if (signal.aborted || (error instanceof Error && error.name === 'AbortError')) return part.everyMs;
        if (!(error instanceof TriggerFailure)) throw error;
        note(part, error.message);
        backoffMs = Math.min(LONGEST_BACKOFF_MS, Math.max(LEAST_BACKOFF_MS, backoffMs * 2));
        return backoffMs;
      }
    };
    return new Loop(clock, pass, (error) =>
      log.error(
        { err: error, part: part.name },
        'failed to synchronize with Trigger.dev; trying again in 2 seconds',
      ),
    );
  }

  function begin(shared: TriggerDocument): void {
    const ending = new AbortController();
    const loops = parts({ ...given, clock, shared }).map((part) => ({
      part,
      loop: loopOf(part, ending.signal),
    }));
    term = { ending, loops };
    log.info('this process is the leader of the synchronization with Trigger.dev');
    for (const { loop } of loops) loop.wake();
  }

  function end(): void {
    if (!term) return;
    term.ending.abort();
    ended = Promise.all([ended, ...term.loops.map(({ loop }) => loop.stop())]);
    term = undefined;
    problems.clear();
  }

  const renewal = new Loop(
    clock,
    async () => {
      const now = clock.now();
      isLive = (await engine.renew(TRIGGER_KIND, now)) !== null;
      if (!isLive && !isIdleLogged)
        log.warn(
          { kind: TRIGGER_KIND },
          'an engine of another kind was live within the last 60 seconds; this one stays idle until 60 seconds after that one stops',
        );
      isIdleLogged = !isLive;
      const shared = isLive ? await store.lead(owner, now) : null;
      if (!shared) end();
      else if (!term) begin(shared);
      return RENEW_MS;
    },
    (error) =>
      log.error(
        { err: error },
        "failed to renew this engine's heartbeat and lead; if this continues, another process takes over",
      ),
  );
  renewal.wake();

  return {
    wake: () => {
      for (const { part, loop } of term?.loops ?? []) if (part.wakes) loop.wake();
    },
    state: () => {
      const problem = describeProblems(problems);
      let state: EngineState = {
        kind: TRIGGER_KIND,
        live: isLive,
        ...(problem !== undefined && { problem }),
      };
      for (const { part } of term?.loops ?? []) state = { ...state, ...part.figures?.() };
      return state;
    },
    stop: async () => {
      await renewal.stop();
      const led = term !== undefined;
      end();
      await ended;
      if (!led) return;
      try {
        await store.release(owner);
      } catch (error) {
        log.warn(
          { err: error },
          'failed to hand over leadership; another process can take over after 30 seconds',
        );
      }
    },
  };
}
