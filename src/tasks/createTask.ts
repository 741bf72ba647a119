import { randomUUID } from 'node:crypto';
import { type Principal, refuseOtherAccount } from '../auth/principal.ts';
import { ApiError } from '../errors.ts';
import type { Input, Reply } from '../handlers.ts';
import type { RunStore } from '../runs/store.ts';
import { checkSchedule } from './check-schedule.ts';
import { type ClaimStore, isDuplicate } from './claims.ts';
import type { TaskDocument } from './document.ts';
import { makeParts } from './parts.ts';
import type { TaskStore } from './store.ts';
import { type ViewSources, viewTasks } from './view-tasks.ts';

interface Dependencies extends ViewSources {
  tasks: TaskStore;
  runs: RunStore;
  claims: ClaimStore;
}

type Body = Input<'createTask'>['body'];

/** The task of that id, created unless a process that died has done so for the same request. */
async function store(id: string, body: Body, { tasks, now }: Dependencies): Promise<TaskDocument[]> {
  try {
    return await tasks.insert([
      {
        _id: id,
        title: body.title,
        prompt: body.prompt,
        schedule: body.schedule,
        timezone: body.timezone,
        account_id: body.account_id.toLowerCase(),
        artist_account_id: body.artist_account_id.toLowerCase(),
        enabled: body.enabled ?? true,
        trigger_schedule_id: null,
        model: body.model ?? null,
        created_at: now(),
      },
    ]);
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    return tasks.findByIds([id], {});
  }
}

async function create(id: string, body: Body, dependencies: Dependencies): Promise<Reply<'createTask'>> {
  const created = await store(id, body, dependencies);
  const views = await viewTasks(await makeParts(created, dependencies.runs), dependencies);
  return { status: 200, body: { status: 'success', tasks: views } };
}

async function createOnce(
  claimedBy: { caller: string; key: string },
  body: Body,
  dependencies: Dependencies,
): Promise<Reply<'createTask'>> {
  const { claims, now } = dependencies;
  const claimed = await claims.claim(claimedBy, body, now());
  if (claimed.outcome === 'other body') {
    throw new ApiError(
      'idempotency_key_reused',
      'This Idempotency-Key was sent with another body; make a new key for a new task.',
    );
  }
  if (claimed.outcome === 'in flight') {
    const seconds = String(claimed.retryAfterSeconds);
    throw new ApiError(
      'request_in_flight',
      `A request with this Idempotency-Key has not been answered yet; send it again after ${seconds} seconds.`,
      { headers: { 'Retry-After': seconds } },
    );
  }
  // Written below, of this operation's own type.
  if (claimed.outcome === 'replied') return { status: 200, body: JSON.parse(claimed.reply) };
  // Where this fails, the claim stays, and with it the task's id: the next attempt cannot make a second task.
  const reply = await create(claimed.claim.task_id, body, dependencies);
  await claims.answer(claimed.claim, JSON.stringify(reply.body));
  return reply;
}

/** POST /api/tasks */
export function createTask(dependencies: Dependencies) {
  return async (
    { body, headers }: Input<'createTask'>,
    principal: Principal,
  ): Promise<Reply<'createTask'>> => {
    refuseOtherAccount(principal, body.account_id.toLowerCase());
    checkSchedule(body);
    const key = headers['Idempotency-Key'];
    return key === undefined
      ? create(randomUUID(), body, dependencies)
      : createOnce({ caller: principal.caller, key }, body, dependencies);
  };
}
