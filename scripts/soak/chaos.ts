import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultLog } from './fault-log.ts';
import type { Figures } from './figures.ts';
import type { Instance } from './instance.ts';
import type { Random } from './random.ts';
import type { DatabaseProcess, SetUp } from './set-up.ts';

/** Maximum time for which a process is suspended; shorter than the timeouts of the MongoDB driver. */
const MAX_STALL_MS = 2_500;
/** Range of the delay between two faults, long enough for readers to check the effect of the first. */
const CALM_MS = { least: 500, most: 3_000 };

interface Chaos {
  setUp: SetUp;
  faults: FaultLog;
  figures: Figures;
  random: Random;
}

type FaultAction = (chaos: Chaos) => Promise<void>;

async function during(
  chaos: Chaos,
  kind: string,
  targets: string[],
  action: () => Promise<void>,
): Promise<void> {
  const fault = chaos.faults.begin(kind, targets);
  try {
    await action();
  } finally {
    chaos.faults.end(fault);
  }
  chaos.figures.countFault(kind);
}

async function stall(program: Instance | DatabaseProcess, random: Random): Promise<void> {
  program.signal('SIGSTOP');
  await sleep(random.between(200, MAX_STALL_MS));
  program.signal('SIGCONT');
}

const killService: FaultAction = (chaos) => {
  const instance = chaos.random.pick(chaos.setUp.instances);
  return during(chaos, 'service killed', [instance.name], async () => {
    await instance.kill();
    await sleep(chaos.random.between(0, 500));
    await instance.start();
  });
};

const restartService: FaultAction = (chaos) => {
  const instance = chaos.random.pick(chaos.setUp.instances);
  return during(chaos, 'service restarted', [instance.name], async () => {
    await instance.terminate();
    await instance.start();
  });
};

const stallService: FaultAction = (chaos) => {
  const instance = chaos.random.pick(chaos.setUp.instances);
  return during(chaos, 'service stalled', [instance.name], () => stall(instance, chaos.random));
};

/** Kills a service that SIGSTOP has suspended, so that the requests it has received are lost. */
const killStalled: FaultAction = (chaos) => {
  const instance = chaos.random.pick(chaos.setUp.instances);
  return during(chaos, 'service killed stalled', [instance.name], async () => {
    instance.signal('SIGSTOP');
    await sleep(chaos.random.between(100, 800));
    await instance.kill();
    await instance.start();
  });
};

const killDatabase = (database: DatabaseProcess): FaultAction => {
  return (chaos) =>
    during(chaos, 'database killed', ['database'], async () => {
      await database.kill();
      await sleep(chaos.random.between(0, 1_500));
      await database.start();
    });
};

const restartDatabase = (database: DatabaseProcess): FaultAction => {
  return (chaos) =>
    during(chaos, 'database restarted', ['database'], async () => {
      await database.terminate();
      await database.start();
    });
};

const stallDatabase = (database: DatabaseProcess): FaultAction => {
  return (chaos) => during(chaos, 'database stalled', ['database'], () => stall(database, chaos.random));
};

/**
 * Kills a service while the stalled database holds its requests, lets the database continue, and restarts the service.
 */
const killServiceWhileDatabaseStalls = (database: DatabaseProcess): FaultAction => {
  return (chaos) => {
    const instance = chaos.random.pick(chaos.setUp.instances);
    return during(chaos, 'both at once', ['database', instance.name], async () => {
      database.signal('SIGSTOP');
      await sleep(chaos.random.between(50, 300));
      await instance.kill();
      await sleep(chaos.random.between(50, 1_000));
      database.signal('SIGCONT');
      await instance.start();
    });
  };
};

/** Returns the faults that leave all processes alive. */
export function stallsOf({ database }: SetUp): FaultAction[] {
  return database ? [stallService, stallDatabase(database)] : [stallService];
}

/** Returns all faults. Killing a service is listed twice, so that it happens twice as often as others. */
export function faultsOf(setUp: SetUp): FaultAction[] {
  const { database } = setUp;
  const ofDatabase = database
    ? [killDatabase(database), restartDatabase(database), killServiceWhileDatabaseStalls(database)]
    : [];
  return [killService, killService, restartService, killStalled, ...stallsOf(setUp), ...ofDatabase];
}

/**
 * Yields the first action, so that even a short test kills something. Then yields the others in random order, and
 * after that all actions in random order again and again.
 */
function* inTurn(actions: FaultAction[], random: Random): Generator<FaultAction, never, undefined> {
  for (let left = [...actions], at = 0; ; at = random.below(left.length)) {
    yield* left.splice(at, 1);
    if (left.length === 0) left = [...actions];
  }
}

/** Causes one fault after another, for `forMs` or until the signal aborts. Resolves when the last fault has ended. */
export async function injectFaults(
  chaos: Chaos,
  actions: FaultAction[],
  forMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { random } = chaos;
  const endsAt = performance.now() + forMs;
  const turn = inTurn(actions, random);
  const isOver = () => signal.aborted || performance.now() > endsAt;
  while (!isOver()) {
    await sleep(random.between(CALM_MS.least, CALM_MS.most), undefined, { signal }).catch(() => {});
    if (!isOver()) await turn.next().value(chaos);
  }
}
