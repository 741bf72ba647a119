import type { RunsResponse, Task, TasksResponse } from '../../generated/types.gen.ts';
import type { Asked, Endpoint, Exchange } from './exchange.ts';
import type { FaultLog } from './fault-log.ts';
import type { Model } from './model.ts';
import type { Random } from './random.ts';
import type { Sender } from './sender.ts';

/** What every client knows and uses. */
export interface World {
  model: Model;
  instances: Endpoint[];
  sender: Sender;
  faults: FaultLog;
  accounts: string[];
  artists: string[];
}

/** Does one thing after the other, of those that its kind does. */
export interface Client {
  step(): Promise<void>;
}

const JSON_HEADERS = { 'Content-Type': 'application/json' };

/** A request with a JSON body. */
export function asking(method: string, path: string, body: object, more: Partial<Asked> = {}): Asked {
  return { ...more, method, path, headers: { ...JSON_HEADERS, ...more.headers }, body: JSON.stringify(body) };
}

/** The tasks of a reply, which the sender has held against the spec. */
export function tasksOf(text: string): Task[] {
  const { tasks }: TasksResponse = JSON.parse(text);
  return tasks;
}

/** A page of runs, which the sender has held against the spec. */
export function runsOf(text: string): RunsResponse {
  return JSON.parse(text);
}

/** How a request ended, in a word of a history. */
export function inShort(ended: Exchange): string {
  return ended.outcome === 'replied' ? String(ended.status) : ended.outcome;
}

/** Another instance than this, where there is one. */
export function otherThan(instance: Endpoint, { instances }: World, random: Random): Endpoint {
  const others = instances.filter((other) => other !== instance);
  return others.length > 0 ? random.pick(others) : instance;
}
