import { decodeCursor, encodeCursor } from './cursor.ts';
import type { Input, Reply } from './handlers.ts';
import { type Principal, accountOf } from './principal.ts';
import type { OccurrenceStore } from '../store/occurrence-store.ts';
import { boundOf } from '../store/run-filter.ts';
import { viewOccurrence } from '../view/occurrence-view.ts';

interface Dependencies {
  occurrences: OccurrenceStore;
  now: () => Date;
}

/** Default page size (openapi.yaml, listOccurrences, limit). */
const DEFAULT_LIMIT = 100;
/**
 * How far before the request the listing starts if `from` is not sent: 7 days (openapi.yaml, listOccurrences, from).
 */
const DEFAULT_SPAN_MS = 7 * 24 * 60 * 60 * 1_000;

type Query = Input<'listOccurrences'>['query'];

function filtersOf({ task_id, account_id, outcome, from, to }: Query, principal: Principal) {
  return {
    task_id: task_id?.toLowerCase(),
    account_id: accountOf(principal, account_id),
    outcome,
    from: from === undefined ? undefined : boundOf(from),
    to: to === undefined ? undefined : boundOf(to),
  };
}

/** Handles GET /api/tasks/occurrences. */
export function listOccurrences({ occurrences, now }: Dependencies) {
  return async (
    { query }: Input<'listOccurrences'>,
    principal: Principal,
  ): Promise<Reply<'listOccurrences'>> => {
    const { cursor, limit = DEFAULT_LIMIT } = query;
    const filters = filtersOf(query, principal);
    const after = cursor === undefined ? undefined : decodeCursor(cursor, filters);
    const from = filters.from ?? new Date(now().getTime() - DEFAULT_SPAN_MS);
    // Read one occurrence more than the page holds, to know whether another page follows.
    const found = await occurrences.page({ ...filters, from }, { after, limit: limit + 1 });
    const shown = found.slice(0, limit);
    const last = found.length > limit ? shown.at(-1) : undefined;
    const next_cursor = last && encodeCursor({ createdAt: last.scheduled_at, id: last._id }, filters);
    const body = { status: 'success' as const, occurrences: shown.map(viewOccurrence) };
    return { status: 200, body: { ...body, ...(next_cursor && { next_cursor }) } };
  };
}
