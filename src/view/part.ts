import type { Piece } from './json-text.ts';
import type { TaskDocument } from '../store/task-document.ts';

/** What a task shows of its accounts; null where that is not known. */
export interface JoinedAccounts {
  ownerEmail: string | null;
  artistName: string | null;
}

/** What a listing needs of a task at one version: its text with its runs, and what the rest of its text depends on. */
export interface TaskPart extends Pick<
  TaskDocument,
  'schedule' | 'timezone' | 'account_id' | 'artist_account_id' | 'enabled'
> {
  id: string;
  version: number;
  stored: Piece;
  /** The rest of the text as it was last, right at instants from `from` until `until`, for what the accounts have. */
  joined?: { from: number; until: number; accounts: JoinedAccounts; piece: Piece };
}
