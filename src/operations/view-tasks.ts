import type { Task } from '../../generated/types.gen.ts';
import type { AccountStore } from '../store/account-store.ts';
import type { JsonText, Piece } from '../view/json-text.ts';
import { isSliceOver, nextSlice } from '../lib/time-slices.ts';
import type { JoinedAccounts, TaskPart } from '../view/part.ts';
import { viewJoined, viewTask } from '../view/task-view.ts';
import type { Upcoming } from './upcoming.ts';

/** Sources of a task's fields that depend on the current time or on accounts. `TaskPart.stored` lacks them. */
export interface ViewSources {
  accounts: AccountStore;
  upcoming: Upcoming;
  now: () => Date;
}

const isSame = (one: JoinedAccounts, other: JoinedAccounts) =>
  one.ownerEmail === other.ownerEmail && one.artistName === other.artistName;

/**
 * Returns the JSON text of a task's fields that depend on the current time or on accounts. Caches the text in the part
 * until the next fire time or a change of the accounts.
 */
function joinedOf(part: TaskPart, accounts: JoinedAccounts, upcoming: Upcoming, now: number): Piece {
  const { enabled, joined, schedule, timezone } = part;
  if (joined && joined.from <= now && now < joined.until && isSame(joined.accounts, accounts))
    return joined.piece;
  const times = enabled === false ? [] : upcoming.find(schedule, timezone ?? 'UTC', now);
  const piece = viewJoined(times ?? [], accounts);
  // If the fire times could not be computed, do not cache the text, so that the next reply tries again.
  part.joined = times && { from: now, until: times[0] ?? Infinity, accounts, piece };
  return piece;
}

/** Adds the next fire times and the fields of accounts to cached parts, with one query for all accounts. */
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
