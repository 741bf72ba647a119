import type { RunRecord } from '../../src/store/run-document.ts';
import type { TaskDocument } from '../../src/store/task-document.ts';

export const ACCOUNT = '11111111-1111-4111-8111-111111111111';
export const OTHER_ACCOUNT = '22222222-2222-4222-8222-222222222222';
export const ARTIST = '33333333-3333-4333-8333-333333333333';

/** A UUID that a test can recognise: its last digits are the number. */
export function uuid(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

/** A task of which a test names only what it is about; each number makes one a minute newer. */
export function task(number: number, fields: Partial<TaskDocument> = {}): TaskDocument {
  return {
    _id: uuid(number),
    title: `Task ${number}`,
    prompt: 'Write a caption.',
    schedule: '0 9 * * 4',
    account_id: ACCOUNT,
    artist_account_id: ARTIST,
    enabled: true,
    created_at: new Date(Date.UTC(2026, 0, 1, 0, number)),
    recent_runs: [],
    version: 1,
    ...fields,
  };
}

let lastVersion = 0;
/** More than a test raises one. */
const VERSION_STEP = 1_000;

/** As task, at a version that no other has, so that it is not taken for one of the same id that was deleted before. */
export function unseenTask(number: number, fields: Partial<TaskDocument> = {}): TaskDocument {
  return task(number, { version: (lastVersion += VERSION_STEP), ...fields });
}

/** A run of which a test names only what it is about; each number makes one a minute newer. */
export function run(number: number, fields: Partial<RunRecord> = {}): RunRecord {
  const at = new Date(Date.UTC(2026, 5, 1, 0, number));
  return {
    id: `run_${String(number).padStart(6, '0')}`,
    status: 'COMPLETED',
    taskIdentifier: 'customer-prompt-task',
    createdAt: at,
    updatedAt: at,
    ...fields,
  };
}
