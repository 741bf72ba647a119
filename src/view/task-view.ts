import type { Run, Task } from '../../generated/types.gen.ts';
import { JsonText, Piece } from './json-text.ts';
import type { JoinedAccounts } from './part.ts';
import type { TaskDocument } from '../store/task-document.ts';

/** Fields that depend on the time or on accounts, not only on the task and its runs. */
type Joined = 'upcoming' | 'owner_email' | 'artist_name';

const OPEN_RUNS = Buffer.from(',"recent_runs":[');
const COMMA = Buffer.from(',');
const CLOSE_RUNS = Buffer.from(']');

/** Formats an instant as RFC 3339. Returns undefined if another tool stored something other than a valid date. */
function instantOf(stored: unknown): string | undefined {
  return stored instanceof Date && !Number.isNaN(stored.getTime()) ? stored.toISOString() : undefined;
}

/** Returns the task's own fields as the API shows them. Names each field, so that no other data can leak. */
function viewFields(task: TaskDocument): Omit<Task, Joined | 'recent_runs'> {
  return {
    id: task._id,
    title: task.title,
    prompt: task.prompt,
    schedule: task.schedule,
    timezone: task.timezone ?? undefined,
    account_id: task.account_id,
    artist_account_id: task.artist_account_id,
    enabled: task.enabled ?? null,
    trigger_schedule_id: task.trigger_schedule_id,
    engine_problem: task.engine_problem ?? undefined,
    model: task.model,
    overlap: task.overlap,
    catch_up: task.catch_up,
    timeout_seconds: task.timeout_seconds,
    max_attempts: task.max_attempts,
    created_at: instantOf(task.created_at),
    updated_at: instantOf(task.updated_at) ?? instantOf(task.created_at),
  };
}

/**
 * Returns the start of a task's JSON text, including its last runs. `viewJoined` returns the rest of the text.
 * @param recentRuns - newest first, at most five
 */
export function viewStored(task: TaskDocument, recentRuns: JsonText<Run>[]): Piece {
  const runs = recentRuns.flatMap(({ pieces }, at) => [
    ...(at > 0 ? [COMMA] : []),
    ...pieces.map(({ bytes }) => bytes),
  ]);
  const fields = Buffer.from(JSON.stringify(viewFields(task)).slice(0, -1));
  return new Piece(Buffer.concat([fields, OPEN_RUNS, ...runs, CLOSE_RUNS]));
}

/**
 * Returns the rest of a task's JSON text, which follows that of `viewStored`: its next fire times and the fields of its
 * accounts.
 * @param upcoming - next fire times in milliseconds since 1970, ascending, at most ten
 */
export function viewJoined(upcoming: number[], { ownerEmail, artistName }: JoinedAccounts): Piece {
  const joined: Pick<Task, Joined> = {
    upcoming: upcoming.map((at) => new Date(at).toISOString()),
    owner_email: ownerEmail,
    artist_name: artistName,
  };
  return new Piece(`,${JSON.stringify(joined).slice(1)}`);
}

/** Joins the two parts of a task's JSON text. */
export function viewTask(stored: Piece, joined: Piece): JsonText<Task> {
  return JsonText.of(stored, joined);
}
