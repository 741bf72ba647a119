import type { Task } from '../../generated/types.gen.ts';
import { type Principal, refuseOtherAccount, scopeOf } from './principal.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { Position } from '../store/position.ts';
import { ApiError } from '../lib/errors.ts';
import type { ByteBudget } from '../lib/byte-budget.ts';
import type { Input, Reply } from './handlers.ts';
import type { JsonText } from '../view/json-text.ts';
import { SingleFlight } from '../lib/single-flight.ts';
import type { TaskPart } from '../view/part.ts';
import { type PartSources, makeParts, partsOf } from '../view/parts.ts';
import type { TaskFilter, TaskVersion } from '../store/task-store.ts';
import { type ViewSources, viewTasks } from './view-tasks.ts';

interface Dependencies extends PartSources, ViewSources {
  /** Bytes of the replies that are being built or wait for their clients. */
  replyBytes: ByteBudget;
}

/** Tasks and bytes of a reply that is put together before it is sent; what is longer is sent as it is read. */
const MAX_WHOLE_TASKS = 1_000;
const MAX_WHOLE_BYTES = 33_554_432;

/** Tasks that are read together where they are not in memory: enough to make round trips cheap, few enough to hold. */
const BATCH_SIZE = 100;
/** The target size of a batch, in bytes of text. */
const BATCH_BYTES = 2_097_152;
/** Tasks of a long listing that do not wait for the runs of more than these. */
const FIRST_TASKS = 5;

type Query = Input<'listTasks'>['query'];

/** A UUID's letters are the same in either case (RFC 9562, section 4); stored ones are in lower case. */
function filterOf({ id, account_id, artist_account_id, enabled }: Query, principal: Principal) {
  refuseOtherAccount(principal, account_id?.toLowerCase());
  return {
    id: id?.toLowerCase(),
    account_id: scopeOf(principal) ?? account_id?.toLowerCase(),
    artist_account_id: artist_account_id?.toLowerCase(),
    enabled,
  };
}

function startOf({ cursor, limit }: Query, filter: TaskFilter) {
  if (cursor === undefined) return undefined;
  if (limit === undefined) {
    throw new ApiError(
      'invalid_cursor',
      'Query parameter "cursor" needs "limit", the size of the page, beside it.',
    );
  }
  return decodeCursor(cursor, { ...filter });
}

/** What is asked for: a page, or, without limit, every match. */
interface Request {
  filter: TaskFilter;
  after?: Position;
  limit?: number;
}

/** What one look-up finds: the first matches as they are sent, and which others there are to be sent. */
interface Found {
  views: JsonText<Task>[];
  rest: TaskVersion[];
  /** Where more matches follow: the last of those above. */
  last?: Position;
}

const bytesOf = (lengths: number[]): number => lengths.reduce((sum, length) => sum + length, 0);

/** The number of tasks in the next batch, assuming that they are as long as those of the last. */
function sizeAfter(count: number, bytes: number): number {
  if (bytes === 0) return BATCH_SIZE;
  return Math.min(BATCH_SIZE, Math.max(1, Math.floor((BATCH_BYTES * count) / bytes)));
}

const positionOf = (task: TaskVersion): Position => ({ createdAt: task.created_at, id: task._id });

async function lookUp(request: Request, dependencies: Dependencies): Promise<Found> {
  const { filter, after, limit = MAX_WHOLE_TASKS } = request;
  const { replyBytes } = dependencies;
  // One more than are shown tells whether others follow.
  const found = await dependencies.tasks.versions(filter, { after, limit: limit + 1 });
  const versions = found.slice(0, limit);
  const end = found.length > limit ? versions.at(-1) : undefined;
  const loading = new Map<TaskPart[], () => void>();
  // Where others follow all the same, its first tasks must not wait for the rest of a thousand.
  const last = request.limit === undefined && end ? 0 : versions.length;
  let bytes = 0;
  let at = 0;
  let size = BATCH_SIZE;
  try {
    while (at < last && bytes < MAX_WHOLE_BYTES && !(at > 0 && replyBytes.isSpent)) {
      const batch = await partsOf(versions.slice(at, at + size), filter, dependencies);
      const batchBytes = bytesOf(batch.map(({ stored }) => stored.bytes.length));
      loading.set(batch, replyBytes.hold(batch, batchBytes));
      bytes += batchBytes;
      at += size;
      size = sizeAfter(batch.length, batchBytes);
    }
    const views = await viewTasks([...loading.keys()].flat(), dependencies);
    return { views, rest: versions.slice(at), last: end && positionOf(end) };
  } finally {
    // From here on, each reply counts what it holds.
    for (const release of loading.values()) release();
  }
}

/** Every match, as it is read; nothing of it is kept, since no other caller will need it soon. */
async function* viewAll(
  filter: TaskFilter,
  dependencies: Dependencies,
): AsyncGenerator<JsonText<Task>, void, undefined> {
  let after: Position | undefined;
  let limit = FIRST_TASKS;
  for (;;) {
    const documents = await dependencies.tasks.page(filter, { after, limit });
    const views = await viewTasks(await makeParts(documents, dependencies.runs), dependencies);
    yield* views;
    const end = documents.at(-1);
    if (!end || documents.length < limit) return;
    after = positionOf(end);
    limit = sizeAfter(views.length, bytesOf(views.map(({ byteLength }) => byteLength)));
  }
}

/** What was found, and what remains of it where it is too large to be put together first. */
async function* viewPage(
  { views, rest }: Found,
  filter: TaskFilter,
  dependencies: Dependencies,
): AsyncGenerator<JsonText<Task>, void, undefined> {
  const { replyBytes } = dependencies;
  const viewBytes = bytesOf(views.map(({ byteLength }) => byteLength));
  const release = replyBytes.hold(views, viewBytes);
  try {
    yield* views;
    let size = sizeAfter(views.length, viewBytes);
    for (let at = 0; at < rest.length;) {
      const parts = await partsOf(rest.slice(at, at + size), filter, dependencies, 'once');
      const batch = await viewTasks(parts, dependencies);
      yield* batch;
      at += size;
      size = sizeAfter(batch.length, bytesOf(batch.map(({ byteLength }) => byteLength)));
    }
  } finally {
    release();
  }
}

/** GET /api/tasks */
export function listTasks(dependencies: Dependencies) {
  const lookups = new SingleFlight<Found>();
  return async ({ query }: Input<'listTasks'>, principal: Principal): Promise<Reply<'listTasks'>> => {
    // Who asks is in the filter: what is equal for two callers, both may see.
    const filter = filterOf(query, principal);
    const request = { filter, after: startOf(query, filter), limit: query.limit };
    const found = await lookups.run(JSON.stringify(request), () => lookUp(request, dependencies));
    const { views, rest, last } = found;
    let tasks: JsonText<Task>[] | AsyncIterable<JsonText<Task>> = views;
    if (query.limit === undefined && last) tasks = viewAll(filter, dependencies);
    else if (rest.length > 0) tasks = viewPage(found, filter, dependencies);
    const next_cursor = request.limit !== undefined && last && encodeCursor(last, { ...filter });
    return { status: 200, body: { status: 'success', tasks, ...(next_cursor && { next_cursor }) } };
  };
}
