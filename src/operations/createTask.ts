import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { type Principal, accountOf } from './principal.ts';
import { refusalOfFields } from './check-engine-fields.ts';
import { ApiError } from '../lib/errors.ts';
import type { Input, Reply } from './handlers.ts';
import { keyReused } from './key-reused.ts';
import type { RunStore } from '../store/run-store.ts';
import { checkSchedule } from './check-schedule.ts';
import { checkTexts } from './check-texts.ts';
import type { ClaimStore } from '../store/claim-store.ts';
import type { EngineStore } from '../store/engine-store.ts';
import type { TaskDocument } from '../store/task-document.ts';
import { makeParts } from '../view/parts.ts';
import { type TaskStore, asDocument } from '../store/task-store.ts';
import { type ViewSources, viewTasks } from './view-tasks.ts';

interface Dependencies extends ViewSources {
  tasks: TaskStore;
  runs: RunStore;
  claims: ClaimStore;
  engine: EngineStore;
  log: Logger;
}

type Body = Input<'createTask'>['body'];

interface Wanted {
  body: Body;
  owner: string;
}

/**
 * Returns the account that will own a new task: the one in the body, or else the account of the API key.
 * @throws ApiError account_forbidden; invalid_body if an admin names no account
 */
function ownerOf({ account_id }: Body, principal: Principal): string {
  const owner = accountOf(principal, account_id);
  if (owner !== undefined) return owner;
  throw new ApiError(
    'invalid_body',
    'Field "account_id" is missing. With an admin key, it must name the account that will own the task.',
  );
}

function newTask(id: string, { body, owner }: Wanted, created_at: Date): TaskDocument {
  return asDocument({
    _id: id,
    title: body.title,
    prompt: body.prompt,
    schedule: body.schedule,
    timezone: body.timezone,
    account_id: owner,
    artist_account_id: body.artist_account_id.toLowerCase(),
    enabled: body.enabled ?? true,
    trigger_schedule_id: null,
    model: body.model ?? null,
    overlap: body.overlap,
    catch_up: body.catch_up,
    timeout_seconds: body.timeout_seconds,
    max_attempts: body.max_attempts,
    // The engine plans only fire times after the creation.
    ...(body.enabled !== false && { plan_from: created_at, next_fire_at: created_at }),
    created_at,
  });
}

async function reply(task: TaskDocument, dependencies: Dependencies): Promise<Reply<'createTask'>> {
  const views = await viewTasks(await makeParts([task], dependencies.runs), dependencies);
  return { status: 200, body: { status: 'success', tasks: views } };
}

/** Returns a stored reply. Does not check its type, because createTask itself has stored the text. */
const replay = (text: string): Reply<'createTask'> => ({ status: 200, body: JSON.parse(text) });

/**
 * Creates the task of a request with an Idempotency-Key, or returns the reply to an earlier request with that key. All
 * requests with the key insert the same `_id`, so only one of them can create the task.
 * @param claimedBy - the key, and the caller for whom it is unique
 * @throws ApiError idempotency_key_reused
 */
async function createOnce(
  claimedBy: { caller: string; key: string },
  wanted: Wanted,
  dependencies: Dependencies,
): Promise<Reply<'createTask'>> {
  const { tasks, claims, log, now } = dependencies;
  const claim = await claims.claim(claimedBy, wanted.body, now());
  if (!claim) throw keyReused('task');
  if (claim.reply !== undefined) return replay(claim.reply);
  const task = newTask(claim.task_id, wanted, now());
  const stored = await tasks.insertOrFind(task);
  const earlier = stored ? undefined : await claims.findReply(claim);
  if (earlier !== undefined) return replay(earlier);
  const created = await reply(stored ?? task, dependencies);
  try {
    await claims.storeReply(claim, JSON.stringify(created.body));
  } catch (error) {
    // Do not throw: the task exists, and a retry of the request finds it by its id.
    log.warn({ err: error, taskId: task._id }, 'failed to store the reply for an Idempotency-Key');
  }
  return created;
}

async function create(wanted: Wanted, dependencies: Dependencies): Promise<Reply<'createTask'>> {
  const task = newTask(randomUUID(), wanted, dependencies.now());
  return reply((await dependencies.tasks.insertOrFind(task)) ?? task, dependencies);
}

/** Handles POST /api/tasks. */
export function createTask(dependencies: Dependencies) {
  return async (
    { body, headers }: Input<'createTask'>,
    principal: Principal,
  ): Promise<Reply<'createTask'>> => {
    checkTexts(body);
    const wanted = { body, owner: ownerOf(body, principal) };
    checkSchedule(body);
    const key = headers['Idempotency-Key'];
    const claimedBy = key === undefined ? undefined : { caller: principal.caller, key };
    const refusal = await refusalOfFields(body, dependencies);
    // Do not refuse a retry: the first request may have succeeded while another engine was live.
    if (refusal && !(claimedBy && (await dependencies.claims.isClaimed(claimedBy, dependencies.now())))) {
      throw refusal;
    }
    return claimedBy ? createOnce(claimedBy, wanted, dependencies) : create(wanted, dependencies);
  };
}
