import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { collectionsOf } from '../../src/store/collections.ts';
import { patchDriverWrites } from '../../src/database/driver-writes.ts';
import { faultsOf, stallsOf, injectFaults } from './chaos.ts';
import type { World } from './client.ts';
import { type ClientPool, createPool, createStarterPool, runClients } from './client-pool.ts';
import { DelayWatch } from './delay-watch.ts';
import { engineAudit, followedRuns } from './engine-audit.ts';
import { FaultLog } from './fault-log.ts';
import { Figures } from './figures.ts';
import { finalAudit } from './final-audit.ts';
import { Findings } from './findings.ts';
import { Model } from './model.ts';
import { Random } from './random.ts';
import { Receiver } from './receiver.ts';
import { Sender } from './sender.ts';
import { type SetUp, startAlone, startPair } from './set-up.ts';
import { MemoryWatch, VersionWatch } from './watch.ts';

/**
 * Share of the test in which processes are killed and restarted. In the rest, the steady phase, they are only
 * suspended at times, and the growth of their memory is measured.
 */
const CHAOS_SHARE = 0.6;

/**
 * Factor that reduces the request rate of the set-up `engine`, because executing a run costs as much as many requests.
 */
const RUNS_SHARE = 0.15;
/**
 * Settings of services that execute tasks. Because of the short grace period, some runs are interrupted, and a process
 * ends as quickly as without an engine.
 */
const ENGINE_SETTINGS = {
  RUN_URL_SECRET: `whsec_${Buffer.alloc(24, 'soak').toString('base64')}`,
  RUN_GRACE_SECONDS: '1',
  RUN_CONCURRENCY: '8',
};

export interface Plan {
  setUp: 'alone' | 'pair' | 'engine';
  seconds: number;
  seed: number;
  clients: number;
  requestsPerSecond: number;
  /** Folder for data and logs. */
  directory: string;
  /** Connection string of a server for `pair` and `engine`; undefined to start an embedded database. */
  mongodbUri: string | undefined;
  /** Ends the test early. */
  signal: AbortSignal;
  onProgress: (doing: string, figures: Figures, findings: Findings) => void;
}

export interface Result {
  figures: Figures;
  findings: Findings;
  delays: DelayWatch;
  growth: ReturnType<MemoryWatch['growth']>;
}

/** Runs the service under load and faults, then audits the stored data. */
export async function soak(plan: Plan): Promise<Result> {
  // The final audit writes to the database from this process.
  patchDriverWrites();
  const findings = new Findings();
  const figures = new Figures();
  const faults = new FaultLog(plan.directory);
  const delays = new DelayWatch(faults);
  const options = { directory: join(plan.directory, plan.setUp), faults, findings };
  const given = { uri: plan.mongodbUri, name: `soak_${plan.seed}_${process.pid}` };
  const progress = setInterval(() => plan.onProgress(phase, figures, findings), 1_000);
  let phase = 'starting';
  const random = new Random(plan.seed);
  const receiver = plan.setUp === 'engine' ? new Receiver(new Random(plan.seed)) : undefined;
  try {
    await receiver?.start();
    const setUp =
      plan.setUp === 'alone'
        ? await startAlone(options)
        : await startPair(options, given, receiver && { RUN_URL: receiver.url, ...ENGINE_SETTINGS });
    const world: World = {
      model: new Model(findings),
      instances: setUp.instances,
      sender: new Sender(faults, findings, figures),
      faults,
      accounts: Array.from({ length: 4 }, () => random.uuid()),
      artists: Array.from({ length: 3 }, () => random.uuid()),
    };
    const pool = (receiver ? createStarterPool : createPool)(world, plan.clients, plan.seed);
    const run = { setUp, world, pool, figures, delays, random, plan, receiver };
    const growth = await underLoad(run, (name) => (phase = name));
    await endAll(setUp);
    return { figures, findings, delays, growth };
  } catch (error) {
    // Do not throw the error: as a finding, it is reported together with the earlier findings.
    if (!plan.signal.aborted)
      findings.add('wrong', `the test ended early: ${error instanceof Error ? error.stack : String(error)}`);
    return { figures, findings, delays, growth: [] };
  } finally {
    clearInterval(progress);
    faults.stop();
    receiver?.stop();
  }
}

interface Run {
  setUp: SetUp;
  world: World;
  pool: ClientPool;
  figures: Figures;
  delays: DelayWatch;
  random: Random;
  plan: Plan;
  /** Receives the engine's jobs; undefined in set-ups other than `engine`. */
  receiver: Receiver | undefined;
}

async function underLoad(run: Run, onPhase: (name: string) => void): Promise<Result['growth']> {
  const { setUp, world, pool, figures, delays, plan, receiver } = run;
  const { findings } = world.model;
  const client = new MongoClient(await setUp.uri(), {
    serverSelectionTimeoutMS: 5_000,
    socketTimeoutMS: 15_000,
  });
  const versions = new VersionWatch(findings);
  const { database, instances } = setUp;
  const processes = [...instances, ...(database ? [database] : [])];
  const memory = new MemoryWatch(processes, figures);
  const stopped = new AbortController();
  const { signal } = stopped;
  plan.signal.addEventListener('abort', () => stopped.abort(), { once: true });
  const watching = Promise.all([
    versions.keepLooking(client, setUp.databaseName, { faults: world.faults, signal }),
    ...instances.map((instance) => delays.keepLooking(instance, signal)),
  ]);
  const working = runClients(pool, plan.requestsPerSecond * (receiver ? RUNS_SHARE : 1), signal);
  const breaking = runChaos(run, { memory, onPhase, signal });
  try {
    await Promise.race([breaking, working, watching]);
    stopped.abort();
    await Promise.all([working, watching]);
    if (plan.signal.aborted) throw plan.signal.reason;
    onPhase('auditing');
    for (const { name, mebibytes, isTooMuch } of memory.growth())
      if (isTooMuch)
        findings.add(
          'wrong',
          `the memory of ${name} grew by ${mebibytes.toFixed(0)} MiB in the steady phase`,
        );
    if (delays.isTooMuch)
      findings.add(
        'wrong',
        `event loops were delayed too often, by up to ${Math.round(delays.longestMs(1))} ms`,
      );
    const [reporter] = pool.reporters;
    const collections = collectionsOf(client.db(setUp.databaseName));
    const { starters } = pool;
    if (receiver) {
      await engineAudit({ world, starters, receiver, collections, versions });
      figures.followed = followedRuns({ world, receiver });
    }
    if (reporter) await finalAudit({ world, owners: pool.owners, reporter, collections, versions });
    if (plan.mongodbUri !== undefined && findings.total === 0)
      await client.db(setUp.databaseName).dropDatabase();
    return memory.growth();
  } finally {
    stopped.abort();
    // Wait for all three even if one has failed, so that none starts a process afterwards.
    await Promise.allSettled([breaking, working, watching]);
    memory.stop();
    await client.close();
  }
}

async function runChaos(
  run: Run,
  { memory, onPhase, signal }: { memory: MemoryWatch; onPhase: (name: string) => void; signal: AbortSignal },
): Promise<void> {
  const { setUp, world, figures, random, plan } = run;
  const chaos = { setUp, faults: world.faults, figures, random };
  const chaosMs = plan.seconds * 1_000 * CHAOS_SHARE;
  onPhase('chaos');
  await injectFaults(chaos, faultsOf(setUp), chaosMs, signal);
  onPhase('steady');
  memory.beginSteady();
  const steadyMs = plan.seconds * 1_000 - chaosMs;
  await injectFaults(chaos, stallsOf(setUp), steadyMs, signal);
  // Give the service time to answer the last requests before the clients stop.
  await sleep(200);
}

async function endAll({ instances, database }: SetUp): Promise<void> {
  await Promise.all(instances.map((instance) => instance.terminate()));
  await database?.terminate();
}
