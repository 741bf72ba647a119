import { createHash } from 'node:crypto';
import { ApiError } from '../lib/errors.ts';
import type { Position } from '../store/position.ts';

/**
 * Version of the cursor format. Increase it when the format or the order of a listing changes, to refuse old cursors.
 */
const FORMAT = 1;

/**
 * The filters of a listing by parameter name, always in the same order. The value is undefined if a filter is not set.
 */
export type Filters = Record<string, unknown>;

/**
 * Returns the hash that binds a cursor to its filters. It is not a signature, because a forged cursor only shows what
 * the same filters show without it.
 * @param added - filters that later releases added. They are hashed with their names, and only if set, so that cursors
 *   of earlier releases stay valid.
 */
function hashOf(filters: Filters, added: Filters): string {
  const values = Object.values(filters).map((value) => value ?? null);
  const set = Object.entries(added).filter(([, value]) => value !== undefined);
  return createHash('sha256')
    .update(JSON.stringify([...values, ...set]))
    .digest('base64url')
    .slice(0, 12);
}

/** Encodes the cursor for the page that starts after a position of a listing with these filters. */
export function encodeCursor(position: Position, filters: Filters, added: Filters = {}): string {
  const content = [FORMAT, hashOf(filters, added), position.createdAt.getTime(), position.id];
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
 * Decodes a cursor that `encodeCursor` made for the same filters. Returns the position after which the page starts.
 * @throws ApiError invalid_cursor for any other text
 */
export function decodeCursor(cursor: string, filters: Filters, added: Filters = {}): Position {
  const content = parse(cursor);
  const [format, hash, time, id] = Array.isArray(content) ? content : [];
  const createdAt = new Date(typeof time === 'number' ? time : Number.NaN);
  const readable = format === FORMAT && typeof id === 'string' && !Number.isNaN(createdAt.getTime());
  if (readable && hash !== hashOf(filters, added)) {
    const names = Object.keys({ ...filters, ...added });
    throw new ApiError(
      'invalid_cursor',
      'Query parameter "cursor" comes from a listing with other filters. Send the same ' +
        `${names.slice(0, -1).join(', ')} and ${names.at(-1)} as for that listing.`,
    );
  }
  if (!readable || encodeCursor({ createdAt, id }, filters, added) !== cursor) {
    throw new ApiError(
      'invalid_cursor',
      'Query parameter "cursor" is invalid. Send the next_cursor of the previous page unchanged.',
    );
  }
  return { createdAt, id };
}
