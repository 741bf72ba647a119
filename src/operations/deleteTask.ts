import { type CancelSources, cancelWaitingOf } from './cancel-waiting.ts';
import type { Principal } from './principal.ts';
import type { Input, Reply } from './handlers.ts';
import type { TaskStore } from '../store/task-store.ts';
import { explainNoMatch, targetOf } from './task-target.ts';

interface Dependencies extends CancelSources {
  tasks: TaskStore;
}

/** Handles DELETE /api/tasks. */
export function deleteTask({ tasks, ...sources }: Dependencies) {
  return async ({ body }: Input<'deleteTask'>, principal: Principal): Promise<Reply<'deleteTask'>> => {
    const target = targetOf(body, principal);
    const isDeleted = await tasks.delete(target, sources.now());
    if (!isDeleted) throw await explainNoMatch(body, principal, tasks);
    await cancelWaitingOf(target.id, {}, sources);
    return { status: 200, body: { status: 'success' } };
  };
}
