import type { Input, Reply } from '../handlers.ts';
import type { TaskStore } from './store.ts';
import { unknownTask } from './unknown-task.ts';

/** DELETE /api/tasks */
export function deleteTask({ tasks }: { tasks: TaskStore }) {
  return async ({ body }: Input<'deleteTask'>): Promise<Reply<'deleteTask'>> => {
    if (!(await tasks.delete(body.id.toLowerCase()))) throw unknownTask(body.id);
    return { status: 200, body: { status: 'success' } };
  };
}
