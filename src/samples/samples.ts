import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Run } from '../../generated/types.gen.ts';
import type { AccountDocument } from '../store/account-document.ts';
import type { NewTask } from '../store/task-store.ts';

/** A task and its runs as the API shows them, in any order. */
export interface TaskWithRuns {
  task: NewTask;
  /** An iterable, because a seeded history can be too long to hold in memory. */
  runs: Iterable<Run>;
}

/** An account of the sample data with its tasks. */
export interface SampleAccount {
  account: AccountDocument;
  /** The accounts of the artists that the tasks refer to. Artists without a name are left out. */
  artists: AccountDocument[];
  tasks: (TaskWithRuns & { runs: Run[] })[];
}

/** The content of a sample file. Dates are strings, because JSON has no dates. */
interface SampleFile {
  account: AccountDocument;
  artists?: AccountDocument[];
  tasks: {
    task: Omit<NewTask, 'created_at' | 'updated_at'> & { created_at: string; updated_at?: string };
    runs: Run[];
  }[];
}

function read(name: string): SampleAccount {
  const path = createRequire(import.meta.url).resolve(`recoup-tasks/samples/${name}.json`);
  const { account, artists = [], tasks }: SampleFile = JSON.parse(readFileSync(path, 'utf8'));
  return {
    account,
    artists,
    tasks: tasks.map(({ task: { created_at, updated_at, ...task }, runs }) => ({
      task: {
        ...task,
        created_at: new Date(created_at),
        ...(updated_at !== undefined && { updated_at: new Date(updated_at) }),
      },
      runs,
    })),
  };
}

/**
 * The example from the published reference of GET /api/tasks, with the same values. A status that the reference omits
 * is COMPLETED. The task is the oldest of the samples, so that listings show it last.
 */
export const referenceExample = read('reference-example');

/** The sample data: three realistic accounts and the reference example. */
export const samples: [SampleAccount, ...SampleAccount[]] = [
  read('northlight'),
  read('tidewater'),
  read('kite-and-copper'),
  referenceExample,
];

/**
 * The `updated_at` of each sample task, by id. The engine runs a sample task only after a user has changed the task.
 */
export const sampleTasks: ReadonlyMap<string, NewTask['updated_at']> = new Map(
  samples.flatMap(({ tasks }) => tasks.map(({ task }) => [task._id, task.updated_at] as const)),
);
