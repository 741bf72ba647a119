import type { Task } from '../../generated/types.gen.ts';
import type { AccountStore } from '../store/account-store.ts';
import type { JsonText, Piece } from '../view/json-text.ts';
import { isSliceOver, nextSlice } from '../lib/time-slices.ts';
import type { JoinedAccounts, TaskPart } from '../view/part.ts';
import { viewJoined, viewTask } from '../view/task-view.ts';
import type { Upcoming } from './upcoming.ts';

/** Sources of the fields that a task's part does not contain. */
export interface ViewSources {
  accounts: AccountStore;
  upcoming: Upcoming;
  now: () => Date;
}

const isSame = (one: JoinedAccounts, other: JoinedAccounts) =>
  one.ownerEmail === other.ownerEmail && one.artistName === other.artistName;

/**
 * Returns the fields that depend on time and accounts. The part caches them until the task fires next or an account
 * changes.
 */
function joinedOf(part: TaskPart, accounts: JoinedAccounts, upcoming: Upcoming, now: number): Piece {
  const { enabled, joined, schedule, timezone } = part;
  if (joined && joined.from <= now && now < joined.until && isSame(joined.accounts, accounts))
    return joined.piece;
  const times = enabled === false ? [] : upcoming.find(schedule, timezone ?? 'UTC', now);
  const piece = viewJoined(times ?? [], accounts);
  // Do not cache a failure: another release or newer time zone data may be able to compute the fire times.
  part.joined = times && { from: now, until: times[0] ?? Infinity, accounts, piece };
  return piece;
}

/** Adds next fire times and account fields to parts, with one query for all. */
export async function viewTasks(
  parts: TaskPart[],
  { accounts, upcoming, now }: ViewSources,
): Promise<JsonText<Task>[]> {
  const ids = parts.flatMap(({ account_id, artist_account_id }) => [account_id, artist_account_id]);
  const found = await accounts.findByIds([...new Set(ids)]);
  const at = now().getTime();
  const views: JsonText<Task>[] = [];
  for (const part of parts) {
    const joined = {
      ownerEmail: found.get(part.account_id)?.email || null,
      artistName: found.get(part.artist_account_id)?.name || null,
    };
    views.push(viewTask(part.stored, joinedOf(part, joined, upcoming, at)));
    if (isSliceOver()) await nextSlice();
  }
  return views;
}
