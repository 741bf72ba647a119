import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, World } from './client.ts';
import { InvalidClient } from './invalid-client.ts';
import { Owner } from './owner.ts';
import { Random } from './random.ts';
import { Reader } from './reader.ts';
import { Reporter } from './reporter.ts';
import { Starter } from './starter.ts';

/** Number of clients of each kind among ten clients. The tenth sends invalid requests. */
const SHARES = { owners: 3, reporters: 3, readers: 3 };

/** Number of starters for each requested client. Below 1, because a starter causes more work than other clients. */
const STARTERS = 1 / 4;

/** The clients by kind. `all` also includes readers and invalid clients. */
export interface ClientPool {
  owners: Owner[];
  reporters: Reporter[];
  starters: Starter[];
  all: Client[];
}

/**
 * Creates the clients for services that do not execute tasks. Each client makes its own random choices, which the seed
 * determines.
 */
export function createPool(world: World, clients: number, seed: number): ClientPool {
  let created = 0;
  const several = <T>(share: number, make: (name: string, random: Random) => T): T[] =>
    Array.from({ length: Math.max(1, Math.round((clients * share) / 10)) }, () => {
      created += 1;
      return make(`c${created}`, new Random(seed + created));
    });
  const owners = several(SHARES.owners, (name, random) => new Owner(name, world, random));
  const reporters = several(SHARES.reporters, (name, random) => new Reporter(name, world, random));
  const readers = several(SHARES.readers, (_, random) => new Reader(world, random));
  const invalidClients = several(1, (_, random) => new InvalidClient(world, random));
  return { owners, reporters, starters: [], all: [...owners, ...reporters, ...readers, ...invalidClients] };
}

/**
 * Creates the clients for services that execute tasks. Readers and reporters are left out, because they expect only
 * runs that a client reported.
 */
export function createStarterPool(world: World, clients: number, seed: number): ClientPool {
  const starters = Array.from(
    { length: Math.ceil(clients * STARTERS) },
    (_, at) => new Starter(`s${at}`, world, new Random(seed + at)),
  );
  return {
    owners: [],
    reporters: [],
    starters,
    all: [...starters, new InvalidClient(world, new Random(seed))],
  };
}

/**
 * Runs all clients until the signal aborts, with at most `requestsPerSecond` in total. Resolves when the last request
 * has ended.
 */
export async function runClients(
  { all }: ClientPool,
  requestsPerSecond: number,
  signal: AbortSignal,
): Promise<void> {
  const pauseMs = (1_000 * all.length) / requestsPerSecond;
  await Promise.all(
    all.map(async (client, at) => {
      const random = new Random(at);
      while (!signal.aborted) {
        const startedAt = performance.now();
        await client.step();
        const restMs = pauseMs * (0.5 + random.below(100) / 100) - (performance.now() - startedAt);
        await sleep(Math.max(1, restMs));
      }
    }),
  );
}
