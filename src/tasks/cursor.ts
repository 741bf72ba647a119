import { createHash } from 'node:crypto';
import { ApiError } from '../errors.ts';
import type { TaskFilter, TaskPosition } from './store.ts';

/** Raised when the format or the order of listings changes, so that an old cursor is refused, not misread. */
const FORMAT = 1;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Ties a cursor to its filters. Not a signature: whoever forges one reads what its filters would show anyway. */
function hashOf({ id, account_id, artist_account_id, enabled }: TaskFilter): string {
  return createHash('sha256')
    .update(JSON.stringify([id ?? null, account_id ?? null, artist_account_id ?? null, enabled ?? null]))
    .digest('base64url')
    .slice(0, 12);
}

/** The cursor of the page that starts after a position, for one set of filters. */
export function encodeCursor(position: TaskPosition, filter: TaskFilter): string {
  const content = [FORMAT, hashOf(filter), position.createdAt.getTime(), position.id];
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/**
 * The position in a cursor that encodeCursor made for the same filters.
 * @throws ApiError invalid_cursor for any other text.
 */
export function decodeCursor(cursor: string, filter: TaskFilter): TaskPosition {
  const content = parse(cursor);
  const [format, hash, time, id] = Array.isArray(content) ? content : [];
  const createdAt = new Date(typeof time === 'number' ? time : Number.NaN);
  const readable =
    format === FORMAT && typeof id === 'string' && UUID.test(id) && !Number.isNaN(createdAt.getTime());
  if (readable && hash !== hashOf(filter)) {
    throw new ApiError(
      'invalid_cursor',
      'Query parameter "cursor" belongs to a listing with other filters: send it with the same id, account_id, ' +
        'artist_account_id and enabled as the page it came from.',
    );
  }
  if (!readable || encodeCursor({ createdAt, id }, filter) !== cursor) {
    throw new ApiError(
      'invalid_cursor',
      'Query parameter "cursor" is not one of this service: send the next_cursor of the page before, unchanged.',
    );
  }
  return { createdAt, id };
}
