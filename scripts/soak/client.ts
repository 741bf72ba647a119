import type { RunsResponse, Task, TasksResponse } from '../../generated/types.gen.ts';
import type { RequestOptions, Endpoint, Exchange } from './exchange.ts';
import type { FaultLog } from './fault-log.ts';
import type { Model } from './model.ts';
import type { Random } from './random.ts';
import type { Sender } from './sender.ts';

/** State and tools that all clients share. */
export interface World {
  model: Model;
  instances: Endpoint[];
  sender: Sender;
  faults: FaultLog;
  accounts: string[];
  artists: string[];
}

/** A client that performs one action of its kind at a time. */
export interface Client {
  step(): Promise<void>;
}

const JSON_HEADERS = { 'Content-Type': 'application/json' };

/** Creates a request with a JSON body. */
export function jsonRequest(
  method: string,
  path: string,
  body: object,
  more: Partial<RequestOptions> = {},
): RequestOptions {
  return { ...more, method, path, headers: { ...JSON_HEADERS, ...more.headers }, body: JSON.stringify(body) };
}

/** Parses the tasks of a reply. The sender has validated it against the spec. */
export function tasksOf(text: string): Task[] {
  const { tasks }: TasksResponse = JSON.parse(text);
  return tasks;
}

/** Parses a page of runs. The sender has validated it against the spec. */
export function runsOf(text: string): RunsResponse {
  return JSON.parse(text);
}

/** Returns the outcome of a request in one word, for a history: the status, or why there is no reply. */
export function outcomeText(ended: Exchange): string {
  return ended.outcome === 'replied' ? String(ended.status) : ended.outcome;
}

/** Picks another instance than this one, if there is one. */
export function otherThan(instance: Endpoint, { instances }: World, random: Random): Endpoint {
  const others = instances.filter((other) => other !== instance);
  return others.length > 0 ? random.pick(others) : instance;
}
