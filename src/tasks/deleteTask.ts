import type { Input, Reply } from '../handlers.ts';
import type { RunStore } from '../runs/store.ts';
import type { TaskStore } from './store.ts';
import { unknownTask } from './unknown-task.ts';

/** DELETE /api/tasks */
export function deleteTask({ tasks, runs }: { tasks: TaskStore; runs: RunStore }) {
  return async ({ body }: Input<'deleteTask'>): Promise<Reply<'deleteTask'>> => {
    const id = body.id.toLowerCase();
    // Its runs stay for its owner, who must have them all before nothing tells any more whose they are.
    await runs.mend(id);
    if (!(await tasks.delete(id))) throw unknownTask(body.id);
    return { status: 200, body: { status: 'success' } };
  };
}
