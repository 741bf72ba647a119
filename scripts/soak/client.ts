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

/** A client of the service. Each step sends one or a few requests. */
export interface Client {
  step(): Promise<void>;
}

const JSON_HEADERS = { 'Content-Type': 'application/json' };

export function jsonRequest(
  method: string,
  path: string,
  body: object,
  more: Partial<RequestOptions> = {},
): RequestOptions {
  return { ...more, method, path, headers: { ...JSON_HEADERS, ...more.headers }, body: JSON.stringify(body) };
}

/** Parses the body of a reply that lists tasks. `Sender` has validated it against the spec. */
export function tasksOf(text: string): Task[] {
  const { tasks }: TasksResponse = JSON.parse(text);
  return tasks;
}

/** Parses the body of a reply that lists runs. `Sender` has validated it against the spec. */
export function runsOf(text: string): RunsResponse {
  return JSON.parse(text);
}

/** Returns the status of the reply, or one word that says why there is none, for the history of a finding. */
export function outcomeText(ended: Exchange): string {
  return ended.outcome === 'replied' ? String(ended.status) : ended.outcome;
}

/** Picks an instance other than the given one, or the given one if it is the only one. */
export function otherThan(instance: Endpoint, { instances }: World, random: Random): Endpoint {
  const others = instances.filter((other) => other !== instance);
  return others.length > 0 ? random.pick(others) : instance;
}
