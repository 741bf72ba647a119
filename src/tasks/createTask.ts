import { randomUUID } from 'node:crypto';
import type { Input, Reply } from '../handlers.ts';
import { checkSchedule } from './check-schedule.ts';
import type { TaskStore } from './store.ts';
import { type ViewSources, collect, viewTasks } from './view-tasks.ts';

/** POST /api/tasks */
export function createTask({ tasks, ...sources }: ViewSources & { tasks: TaskStore }) {
  return async ({ body }: Input<'createTask'>): Promise<Reply<'createTask'>> => {
    checkSchedule(body);
    const created = await tasks.insert([
      {
        _id: randomUUID(),
        title: body.title,
        prompt: body.prompt,
        schedule: body.schedule,
        timezone: body.timezone,
        account_id: body.account_id.toLowerCase(),
        artist_account_id: body.artist_account_id.toLowerCase(),
        enabled: body.enabled ?? true,
        trigger_schedule_id: null,
        model: body.model ?? null,
        created_at: sources.now(),
      },
    ]);
    return { status: 200, body: { status: 'success', tasks: await collect(viewTasks(created, sources)) } };
  };
}
