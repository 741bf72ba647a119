import type { Task } from '../../generated/types.gen.ts';
import type { Principal } from './principal.ts';
import { type Filters, decodeCursor, encodeCursor } from './cursor.ts';
import type { Position } from '../store/position.ts';
import { ApiError } from '../lib/errors.ts';
import type { ByteBudget } from '../lib/byte-budget.ts';
import type { Input, Reply } from './handlers.ts';
import type { JsonText } from '../view/json-text.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import type { TaskPart } from '../view/part.ts';
import { type Listing, type PartSources, makeParts, partsOf } from '../view/parts.ts';
import type { TaskVersion } from '../store/task-store.ts';
import { findTasks, idFilter, isSearch, positionOf } from './find-tasks.ts';
import { type ViewSources, viewTasks } from './view-tasks.ts';

interface Dependencies extends PartSources, ViewSources {
  /** Memory budget that all replies share while they are built or wait for their clients. */
  replyBytes: ByteBudget;
}

/** Maximum number of tasks of a reply that is built in memory. Larger replies are streamed. */
const MAX_WHOLE_TASKS = 1_000;
/** Maximum size in bytes of a reply that is built in memory. Larger replies are streamed. */
const MAX_WHOLE_BYTES = 33_554_432;

/** Maximum number of tasks to read in one batch: enough to save round trips, few enough to fit in memory. */
const BATCH_SIZE = 100;
/** Target size of a batch in bytes of JSON. */
const BATCH_BYTES = 2_097_152;
/** Number of tasks in the first batch of a streamed listing. It is small, so that the reply starts soon. */
const FIRST_TASKS = 5;

type Query = Input<'listTasks'>['query'];

/** Returns the listing that a query asks for, limited to the tasks that the caller may access. */
function listingOf(query: Query, principal: Principal): Listing {
  const { enabled, q, last_status, runs = 'full' } = query;
  return {
    filter: {
      ...idFilter(query, principal),
      enabled,
      words: q?.split(' ').filter((word) => word !== ''),
    },
    lastStatus: last_status?.toSorted(),
    runs,
  };
}

/** Returns the filters that a cursor of the listing is bound to. `added` holds those that later releases added. */
function filtersOf({ filter, lastStatus, runs }: Listing): [filters: Filters, added: Filters] {
  const { id, account_id, artist_account_id, enabled, words } = filter;
  return [
    { id, account_id, artist_account_id, enabled },
    { q: words, last_status: lastStatus, runs: runs === 'full' ? undefined : runs },
  ];
}

/**
 * Returns the position after which the requested page starts; undefined for the first page.
 * @throws ApiError invalid_cursor
 */
function startOf({ cursor, limit }: Query, listing: Listing) {
  if (cursor === undefined) return undefined;
  if (limit === undefined) {
    throw new ApiError('invalid_cursor', 'Query parameter "cursor" requires "limit", the page size.');
  }
  return decodeCursor(cursor, ...filtersOf(listing));
}

/** A listing, and the page of it that the caller requested. Without `limit`, the reply has all matching tasks. */
interface Request {
  listing: Listing;
  after?: Position;
  limit?: number;
}

/** The result of one lookup: the first tasks as JSON, and the versions of the tasks that follow them in the reply. */
interface Found {
  views: JsonText<Task>[];
  rest: TaskVersion[];
  /** Position after which the next page starts; undefined on the last page. */
  next?: Position;
}

const bytesOf = (lengths: number[]): number => lengths.reduce((sum, length) => sum + length, 0);

/** Returns how many tasks to read in the next batch. Assumes that their average size is that of the last batch. */
function sizeAfter(count: number, bytes: number): number {
  if (bytes === 0) return BATCH_SIZE;
  return Math.min(BATCH_SIZE, Math.max(1, Math.floor((BATCH_BYTES * count) / bytes)));
}

/** Finds the requested tasks, and reads them until their JSON exceeds the size of a buffered reply. */
async function lookUp(request: Request, dependencies: Dependencies): Promise<Found> {
  const { listing, after, limit = MAX_WHOLE_TASKS } = request;
  const { replyBytes } = dependencies;
  const { versions, next } = await findTasks(listing, { after, limit }, dependencies);
  const loading = new Map<TaskPart[], () => void>();
  // Without `limit`, a listing of more than MAX_WHOLE_TASKS is streamed from its first task, so read no tasks here.
  const last = request.limit === undefined && next ? 0 : versions.length;
  let bytes = 0;
  let at = 0;
  let size = BATCH_SIZE;
  try {
    while (at < last && bytes < MAX_WHOLE_BYTES && !(at > 0 && replyBytes.isSpent)) {
      const batch = await partsOf(versions.slice(at, at + size), listing, dependencies);
      const batchBytes = bytesOf(batch.map(({ stored }) => stored.bytes.length));
      loading.set(batch, replyBytes.hold(batch, batchBytes));
      bytes += batchBytes;
      at += size;
      size = sizeAfter(batch.length, batchBytes);
    }
    const views = await viewTasks([...loading.keys()].flat(), dependencies);
    return { views, rest: versions.slice(at), ...(next && { next }) };
  } finally {
    // From now on, each reply that shares this lookup counts the bytes itself.
    for (const release of loading.values()) release();
  }
}

/** Yields all tasks of a listing. Does not cache them, because hardly any other caller needs so many tasks soon. */
async function* viewAll(
  { filter, runs }: Listing,
  dependencies: Dependencies,
): AsyncGenerator<JsonText<Task>, void, undefined> {
  let after: Position | undefined;
  let limit = FIRST_TASKS;
  for (;;) {
    const documents = await dependencies.tasks.page(filter, { after, limit });
    const views = await viewTasks(await makeParts(documents, dependencies.runs, runs), dependencies);
    yield* views;
    const end = documents.at(-1);
    if (!end || documents.length < limit) return;
    after = positionOf(end);
    limit = sizeAfter(views.length, bytesOf(views.map(({ byteLength }) => byteLength)));
  }
}

/** Yields all tasks of a listing that filters by words or status. */
async function* viewMatches(
  listing: Listing,
  dependencies: Dependencies,
): AsyncGenerator<JsonText<Task>, void, undefined> {
  let after: Position | undefined;
  do {
    const { versions, next } = await findTasks(listing, { after, limit: MAX_WHOLE_TASKS }, dependencies);
    yield* viewOnce(versions, FIRST_TASKS, listing, dependencies);
    after = next;
  } while (after);
}

/** Yields tasks, which it reads in batches and does not cache. The first batch has `firstSize` tasks. */
async function* viewOnce(
  versions: TaskVersion[],
  firstSize: number,
  listing: Listing,
  dependencies: Dependencies,
): AsyncGenerator<JsonText<Task>, void, undefined> {
  let size = firstSize;
  for (let at = 0; at < versions.length;) {
    const parts = await partsOf(versions.slice(at, at + size), listing, dependencies, 'once');
    const batch = await viewTasks(parts, dependencies);
    yield* batch;
    at += size;
    size = sizeAfter(batch.length, bytesOf(batch.map(({ byteLength }) => byteLength)));
  }
}

/** Yields the tasks of a page that is too large to buffer: first those that are already in memory, then the rest. */
async function* viewPage(
  { views, rest }: Found,
  listing: Listing,
  dependencies: Dependencies,
): AsyncGenerator<JsonText<Task>, void, undefined> {
  const { replyBytes } = dependencies;
  const viewBytes = bytesOf(views.map(({ byteLength }) => byteLength));
  const release = replyBytes.hold(views, viewBytes);
  try {
    yield* views;
    yield* viewOnce(rest, sizeAfter(views.length, viewBytes), listing, dependencies);
  } finally {
    release();
  }
}

/** Handles GET /api/tasks. */
export function listTasks(dependencies: Dependencies) {
  const lookups = new SingleFlight<Found>();
  return async ({ query }: Input<'listTasks'>, principal: Principal): Promise<Reply<'listTasks'>> => {
    // The key of the lookup contains the caller's account, so all callers that share a lookup have the same access.
    const listing = listingOf(query, principal);
    const request = { listing, after: startOf(query, listing), limit: query.limit };
    const found = await lookups.run(JSON.stringify(request), () => lookUp(request, dependencies));
    const { views, rest, next } = found;
    let tasks: JsonText<Task>[] | AsyncIterable<JsonText<Task>> = views;
    if (query.limit === undefined && next) {
      tasks = isSearch(listing) ? viewMatches(listing, dependencies) : viewAll(listing, dependencies);
    } else if (rest.length > 0) tasks = viewPage(found, listing, dependencies);
    const next_cursor = query.limit !== undefined && next && encodeCursor(next, ...filtersOf(listing));
    return { status: 200, body: { status: 'success', tasks, ...(next_cursor && { next_cursor }) } };
  };
}
