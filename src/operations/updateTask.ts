import { refusalOfFields } from './check-engine-fields.ts';
import type { Principal } from './principal.ts';
import type { Input, Reply } from './handlers.ts';
import { type CancelSources, cancelWaitingOf } from './cancel-waiting.ts';
import { checkSchedule } from './check-schedule.ts';
import { checkTexts } from './check-texts.ts';
import { makeParts } from '../view/parts.ts';
import type { EngineStore } from '../store/engine-store.ts';
import type { TaskStore } from '../store/task-store.ts';
import { explainNoMatch, targetOf } from './task-target.ts';
import { type ViewSources, viewTasks } from './view-tasks.ts';

interface Dependencies extends ViewSources, CancelSources {
  tasks: TaskStore;
  engine: EngineStore;
}

/** Handles PATCH /api/tasks. */
export function updateTask({ tasks, engine, ...sources }: Dependencies) {
  return async ({ body }: Input<'updateTask'>, principal: Principal): Promise<Reply<'updateTask'>> => {
    checkTexts(body);
    const target = targetOf(body, principal);
    checkSchedule(body);
    const refusal = await refusalOfFields(body, { engine, now: sources.now });
    if (refusal) throw refusal;
    const now = sources.now();
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
        overlap: body.overlap,
        catch_up: body.catch_up,
        timeout_seconds: body.timeout_seconds,
        max_attempts: body.max_attempts,
        updated_at: now,
      },
      now,
    );
    if (!changed) throw await explainNoMatch(body, principal, tasks);
    if (body.enabled === false) await cancelWaitingOf(changed._id, { trigger: 'scheduled' }, sources);
    const views = await viewTasks(await makeParts([changed], sources.runs), sources);
    return { status: 200, body: { status: 'success', tasks: views } };
  };
}
