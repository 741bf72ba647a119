import type { ListTasksData } from '../../generated/types.gen.ts';
import type { Piece } from './json-text.ts';
import type { TaskDocument } from '../store/task-document.ts';

/**
 * How much of a task's last runs to show: all fields, or summaries (openapi.yaml, query parameter `runs` of listTasks).
 */
export type RunDetail = NonNullable<NonNullable<ListTasksData['query']>['runs']>;

/** The fields of a task that come from its accounts. A field is null if it is unknown. */
export interface JoinedAccounts {
  ownerEmail: string | null;
  artistName: string | null;
}

/**
 * The data that a listing needs of one version of a task: the start of the task's JSON text, which includes its runs,
 * and the fields that determine the rest of the text.
 */
export interface TaskPart extends Pick<
  TaskDocument,
  'schedule' | 'timezone' | 'account_id' | 'artist_account_id' | 'enabled'
> {
  id: string;
  version: number;
  runs: RunDetail;
  /** Status of the newest run. Undefined if there is none. */
  lastStatus: string | undefined;
  stored: Piece;
  /**
   * The end of the task's JSON text as last computed. Valid from `from` until `until`, as long as the accounts' fields
   * still equal `accounts`.
   */
  joined?: { from: number; until: number; accounts: JoinedAccounts; piece: Piece };
}
