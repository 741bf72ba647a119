import type { Run } from '../../generated/types.gen.ts';
import type { AccountDocument } from '../accounts/document.ts';
import type { NewTask } from '../tasks/store.ts';

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
