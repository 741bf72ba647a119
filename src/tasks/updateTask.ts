import { type Principal, refuseOtherAccount, scopeOf } from '../auth/principal.ts';
import type { Input, Reply } from '../handlers.ts';
import type { Settlement } from '../runs/settlement.ts';
import type { RunStore } from '../runs/store.ts';
import { checkSchedule } from './check-schedule.ts';
import { makeParts } from './parts.ts';
import type { TaskStore } from './store.ts';
import { unknownTask } from './unknown-task.ts';
import { type ViewSources, viewTasks } from './view-tasks.ts';

interface Dependencies extends ViewSources {
  tasks: TaskStore;
  runs: RunStore;
  settlement: Settlement;
}

/** PATCH /api/tasks */
export function updateTask({ tasks, runs, settlement, ...sources }: Dependencies) {
  return async ({ body }: Input<'updateTask'>, principal: Principal): Promise<Reply<'updateTask'>> => {
    refuseOtherAccount(principal, body.account_id?.toLowerCase());
    checkSchedule(body);
    const which = { id: body.id.toLowerCase(), account_id: scopeOf(principal) };
    const changed = await tasks.update(which, {
      title: body.title,
      prompt: body.prompt,
      schedule: body.schedule,
      timezone: body.timezone,
      account_id: body.account_id?.toLowerCase(),
      artist_account_id: body.artist_account_id?.toLowerCase(),
      enabled: body.enabled,
      model: body.model,
    });
    if (!changed) throw unknownTask(body.id);
    // Also where an earlier change of the account was interrupted here.
    if (changed.runs_account_id !== changed.account_id) await settlement.mend(changed._id);
    const views = await viewTasks(await makeParts([changed], runs), sources);
    return { status: 200, body: { status: 'success', tasks: views } };
  };
}
