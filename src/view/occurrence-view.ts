import type { Occurrence } from '../../generated/types.gen.ts';
import type { OccurrenceDocument } from '../store/occurrence-document.ts';

/** Returns the occurrence as the API shows it. Names each field, so that no other part of the document can leak. */
export function viewOccurrence(occurrence: OccurrenceDocument): Occurrence {
  const { task_id, scheduled_at, outcome, run_id, reason, last_scheduled_at, count } = occurrence;
  return {
    task_id,
    scheduled_at: scheduled_at.toISOString(),
    outcome,
    ...(run_id !== undefined && { run_id }),
    ...(reason !== undefined && { reason }),
    ...(last_scheduled_at && { last_scheduled_at: last_scheduled_at.toISOString() }),
    ...(count !== undefined && { count }),
  };
}
