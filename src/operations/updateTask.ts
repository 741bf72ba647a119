import type { Principal } from './principal.ts';
import type { Input, Reply } from './handlers.ts';
import type { RunStore } from '../store/run-store.ts';
import { checkSchedule } from './check-schedule.ts';
import { checkTexts } from './check-texts.ts';
import { makeParts } from '../view/parts.ts';
import type { TaskStore } from '../store/task-store.ts';
import { explainNoMatch, targetOf } from './task-target.ts';
import { type ViewSources, viewTasks } from './view-tasks.ts';

interface Dependencies extends ViewSources {
  tasks: TaskStore;
  runs: RunStore;
}

/** PATCH /api/tasks */
export function updateTask({ tasks, runs, ...sources }: Dependencies) {
  return async ({ body }: Input<'updateTask'>, principal: Principal): Promise<Reply<'updateTask'>> => {
    checkTexts(body);
    const target = targetOf(body, principal);
    checkSchedule(body);
    const changed = await tasks.update(
      target,
      {
        title: body.title,
        prompt: body.prompt,
        schedule: body.schedule,
        timezone: body.timezone,
        artist_account_id: body.artist_account_id?.toLowerCase(),
        enabled: body.enabled,
        model: body.model,
      },
      sources.now(),
    );
    if (!changed) throw await explainNoMatch(body, principal, tasks);
    const views = await viewTasks(await makeParts([changed], runs), sources);
    return { status: 200, body: { status: 'success', tasks: views } };
  };
}
