import type { Run } from '../../generated/types.gen.ts';
import type { AccountDocument } from '../accounts/document.ts';
import type { TaskDocument } from '../tasks/document.ts';

/** A task that has not run yet, as TaskStore.insert takes it. */
export type NewTask = Omit<TaskDocument, 'recent_runs' | 'runs_account_id' | 'recording' | 'version'>;

/** A task and its history in the wire's shape, in any order. */
export interface TaskWithRuns {
  task: NewTask;
  /** May be made as it is read: a seeded history can be too long to hold in memory. */
  runs: Iterable<Run>;
}

/** An account of the sample data and all that is its own. */
export interface SampleAccount {
  account: AccountDocument;
  tasks: (TaskWithRuns & { runs: Run[] })[];
}
