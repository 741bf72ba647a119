import type { Task } from '../../generated/types.gen.ts';
import type { AccountStore } from '../store/account-store.ts';
import type { JsonText } from '../view/json-text.ts';
import type { FireTimes } from '../schedule/fire-times.ts';
import { isSliceOver, nextSlice } from '../lib/time-slices.ts';
import type { TaskPart } from '../view/part.ts';
import { viewJoined, viewTask } from '../view/task-view.ts';

/** Where the rest of a task's view comes from, beside its part. */
export interface ViewSources {
  accounts: AccountStore;
  fireTimes: FireTimes;
  /** The clock. */
  now: () => Date;
}

/** The rest of a task's text; the same as last time, if nothing of what it is made of has changed. */
function joinedOf(part: TaskPart, upcoming: Date[], ownerEmail: string | null) {
  const last = part.joined;
  if (last && last.upcoming === upcoming && last.ownerEmail === ownerEmail) return last.piece;
  const piece = viewJoined(upcoming, ownerEmail);
  part.joined = { upcoming, ownerEmail, piece };
  return piece;
}

const NEVER: Date[] = [];

/** Joins parts with their next fire times and their owners' addresses: one query, however many tasks. */
export async function viewTasks(
  parts: TaskPart[],
  { accounts, fireTimes, now }: ViewSources,
): Promise<JsonText<Task>[]> {
  const emails = await accounts.findEmails([...new Set(parts.map(({ account_id }) => account_id))]);
  const at = now();
  const views: JsonText<Task>[] = [];
  for (const part of parts) {
    const { enabled, schedule, timezone, account_id } = part;
    const zone = timezone ?? 'UTC';
    const upcoming =
      enabled === false
        ? NEVER
        : (fireTimes.known(schedule, zone, at) ?? (await fireTimes.compute(schedule, zone, at)));
    views.push(viewTask(part.stored, joinedOf(part, upcoming, emails.get(account_id) ?? null)));
    if (isSliceOver()) await nextSlice();
  }
  return views;
}
