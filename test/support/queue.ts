import type { Collections } from '../../src/store/collections.ts';
import type { QueuedRun } from '../../src/store/queue-document.ts';
import { ACCOUNT, uuid } from './builders.ts';
import { NOW } from './service.ts';

/** An engine that renewed its document at that instant. */
export async function liveEngine(
  { engine }: Pick<Collections, 'engine'>,
  at = NOW,
  kind = 'command',
): Promise<void> {
  await engine.updateOne(
    { _id: 'engine' },
    { $set: { kind, at, live_since: at, first_at: NOW } },
    { upsert: true },
  );
}

/** A waiting entry. A test names only the fields that it is about. */
export function queuedRun(id: string, fields: Partial<QueuedRun> = {}): QueuedRun {
  return {
    _id: id,
    task_id: uuid(1),
    account_id: ACCOUNT,
    trigger: 'scheduled',
    scheduled_at: NOW,
    due_at: NOW,
    slot: id,
    serial: true,
    owner: null,
    fence: 0,
    beat: 0,
    not_before: NOW,
    tries: 0,
    ...fields,
  };
}
