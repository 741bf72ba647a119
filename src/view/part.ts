import type { Piece } from './json-text.ts';
import type { RunDetail } from '../store/run-store.ts';
import type { TaskDocument } from '../store/task-document.ts';

/** The fields that a task shows of its accounts; null if unknown. */
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
  runs: RunDetail;
  /** Of its newest run; undefined if it has none. */
  lastStatus: string | undefined;
  stored: Piece;
  /** The last rest of the text, valid from `from` until `until` for these fields of the accounts. */
  joined?: { from: number; until: number; accounts: JoinedAccounts; piece: Piece };
}
