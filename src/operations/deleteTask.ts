import type { Principal } from './principal.ts';
import type { Input, Reply } from './handlers.ts';
import type { TaskStore } from '../store/task-store.ts';
import { explainNoMatch, targetOf } from './task-target.ts';

/** DELETE /api/tasks */
export function deleteTask({ tasks }: { tasks: TaskStore }) {
  return async ({ body }: Input<'deleteTask'>, principal: Principal): Promise<Reply<'deleteTask'>> => {
    const isDeleted = await tasks.delete(targetOf(body, principal));
    if (!isDeleted) throw await explainNoMatch(body, principal, tasks);
    return { status: 200, body: { status: 'success' } };
  };
}
