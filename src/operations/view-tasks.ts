import type { Task } from '../../generated/types.gen.ts';
import type { AccountStore } from '../store/account-store.ts';
import type { JsonText, Piece } from '../view/json-text.ts';
import { isSliceOver, nextSlice } from '../lib/time-slices.ts';
import type { TaskPart } from '../view/part.ts';
import { viewJoined, viewTask } from '../view/task-view.ts';
import type { Upcoming } from './upcoming.ts';

/** Where the rest of a task's view comes from, beside its part. */
export interface ViewSources {
  accounts: AccountStore;
  upcoming: Upcoming;
  /** The clock. */
  now: () => Date;
}

/** The rest of a task's text. The part keeps it until the task fires next, or its owner's address changes. */
function joinedOf(part: TaskPart, ownerEmail: string | null, upcoming: Upcoming, now: number): Piece {
  const { enabled, joined, schedule, timezone } = part;
  if (joined && joined.from <= now && now < joined.until && joined.ownerEmail === ownerEmail)
    return joined.piece;
  const times = enabled === false ? [] : upcoming.find(schedule, timezone ?? 'UTC', now);
  const piece = viewJoined(times ?? [], ownerEmail);
  // What cannot be read is tried again: another release, or newer time zone data, may read it.
  part.joined = times && { from: now, until: times[0] ?? Infinity, ownerEmail, piece };
  return piece;
}

/** Joins parts with their next fire times and their owners' addresses: one query, however many tasks. */
export async function viewTasks(
  parts: TaskPart[],
  { accounts, upcoming, now }: ViewSources,
): Promise<JsonText<Task>[]> {
  const emails = await accounts.findEmails([...new Set(parts.map(({ account_id }) => account_id))]);
  const at = now().getTime();
  const views: JsonText<Task>[] = [];
  for (const part of parts) {
    const ownerEmail = emails.get(part.account_id) ?? null;
    views.push(viewTask(part.stored, joinedOf(part, ownerEmail, upcoming, at)));
    if (isSliceOver()) await nextSlice();
  }
  return views;
}
