import { RunStore } from '../../store/run-store.ts';
import { TombstoneStore } from '../../store/tombstone-store.ts';
import { TriggerStore } from '../../store/trigger-store.ts';
import { TriggerTasks } from '../../store/trigger-tasks.ts';
import { QueuedRuns } from './manual.ts';
import type { Part, TriggerTools } from './part.ts';
import { RunSync } from './runs.ts';
import { Schedules } from './schedules.ts';

const LIST_MS = 5_000;
const DETAILS_MS = 1_000;

function runParts({ api, collections, shared, log, clock }: TriggerTools): Part[] {
  const sync = new RunSync({
    api,
    runs: new RunStore(collections),
    store: new TriggerStore(collections),
    runsFrom: shared.runs_from,
    log,
    clock,
  });
  const problem = () => sync.state().problem;
  return [
    {
      name: 'listing of runs',
      everyMs: LIST_MS,
      run: async (signal) => sync.list(signal).then(() => undefined),
    },
    {
      name: 'details of runs',
      everyMs: DETAILS_MS,
      figures: () => {
        const { pending, behindSeconds } = sync.state();
        return { pending, behindSeconds };
      },
      run: async (signal) => sync.details(signal).then(problem),
    },
  ];
}

function schedules({ collections, settings, shared, ...tools }: TriggerTools): Part {
  return new Schedules({
    ...tools,
    tasks: new TriggerTasks(collections),
    tombstones: new TombstoneStore(collections),
    prefix: `${settings.prefix}${shared.installation}-`,
    task: settings.task,
  });
}

export const triggerParts = (tools: TriggerTools): Part[] => [
  schedules(tools),
  new QueuedRuns(tools),
  ...runParts(tools),
];
