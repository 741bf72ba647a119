import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, World } from './client.ts';
import { Nuisance } from './nuisance.ts';
import { Owner } from './owner.ts';
import { Random } from './random.ts';
import { Reader } from './reader.ts';
import { Reporter } from './reporter.ts';
import { Starter } from './starter.ts';

/** Of every ten clients. */
const SHARES = { owners: 3, reporters: 3, readers: 3 };

/** Each of them causes more work than a client that only asks. */
const STARTERS = 1 / 4;

/** The clients, by kind; the rest are nuisances. */
export interface Crew {
  owners: Owner[];
  reporters: Reporter[];
  starters: Starter[];
  all: Client[];
}

/** Each client has choices of its own, which the seed decides. */
export function hire(world: World, clients: number, seed: number): Crew {
  let hired = 0;
  const several = <T>(share: number, make: (name: string, random: Random) => T): T[] =>
    Array.from({ length: Math.max(1, Math.round((clients * share) / 10)) }, () => {
      hired += 1;
      return make(`c${hired}`, new Random(seed + hired));
    });
  const owners = several(SHARES.owners, (name, random) => new Owner(name, world, random));
  const reporters = several(SHARES.reporters, (name, random) => new Reporter(name, world, random));
  const readers = several(SHARES.readers, (_, random) => new Reader(world, random));
  const nuisances = several(1, (_, random) => new Nuisance(world, random));
  return { owners, reporters, starters: [], all: [...owners, ...reporters, ...readers, ...nuisances] };
}

/** The clients of services that execute tasks: the others know only tasks and runs of their own. */
export function hireStarters(world: World, clients: number, seed: number): Crew {
  const starters = Array.from(
    { length: Math.ceil(clients * STARTERS) },
    (_, at) => new Starter(`s${at}`, world, new Random(seed + at)),
  );
  return { owners: [], reporters: [], starters, all: [...starters, new Nuisance(world, new Random(seed))] };
}

/** Has all clients at work, together at most at a rate, until they are told to stop; resolves when the last has an answer. */
export async function work({ all }: Crew, requestsPerSecond: number, signal: AbortSignal): Promise<void> {
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
