import type { Run, Task } from '../../generated/types.gen.ts';
import type { TaskDocument } from './document.ts';

/** What a task's view needs beside its document. */
export interface TaskContext {
  /** Newest first, at most five. */
  recentRuns: Run[];
  /** Ascending, at most ten. */
  upcoming: Date[];
  ownerEmail: string | null;
}

/** The task as the API shows it. Each field is named, so that nothing else in the document can leak. */
export function viewTask(task: TaskDocument, context: TaskContext): Task {
  return {
    id: task._id,
    title: task.title,
    prompt: task.prompt,
    schedule: task.schedule,
    timezone: task.timezone ?? undefined,
    account_id: task.account_id,
    artist_account_id: task.artist_account_id,
    enabled: task.enabled ?? null,
    trigger_schedule_id: task.trigger_schedule_id,
    recent_runs: context.recentRuns,
    upcoming: context.upcoming.map((at) => at.toISOString()),
    owner_email: context.ownerEmail,
    model: task.model,
  };
}
