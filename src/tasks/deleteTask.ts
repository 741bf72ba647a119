import { type Principal, scopeOf } from '../auth/principal.ts';
import type { Input, Reply } from '../handlers.ts';
import type { Settlement } from '../runs/settlement.ts';
import type { TaskStore } from './store.ts';
import { unknownTask } from './unknown-task.ts';

/** DELETE /api/tasks */
export function deleteTask({ tasks, settlement }: { tasks: TaskStore; settlement: Settlement }) {
  return async ({ body }: Input<'deleteTask'>, principal: Principal): Promise<Reply<'deleteTask'>> => {
    const which = { id: body.id.toLowerCase(), account_id: scopeOf(principal) };
    const [task] = await tasks.findByIds([which.id], which);
    // Its runs stay for its owner, who must have them all before nothing tells any more whose they are.
    if (task && task.runs_account_id !== task.account_id) await settlement.mend(task._id);
    const deleted = await tasks.delete(which);
    if (!deleted) throw unknownTask(body.id);
    // It has moved since it was looked at.
    if (deleted.runs_account_id !== deleted.account_id)
      await settlement.file(deleted._id, deleted.account_id);
    return { status: 200, body: { status: 'success' } };
  };
}
