import { createHash } from 'node:crypto';
import { ApiError } from '../lib/errors.ts';
import type { Position } from '../store/position.ts';

/** Increase this when the format or the order of a listing changes. Old cursors are then refused, not misread. */
const FORMAT = 1;

/** The filters of a listing by parameter name, always in the same order; undefined if not set. */
export type Filters = Record<string, unknown>;

/**
 * Binds a cursor to its filters. This is no signature: a forged cursor shows only what its filters show anyway.
 * @param added - parameters of later releases; hashed by name and only if set, so that older cursors stay valid
 */
function hashOf(filters: Filters, added: Filters): string {
  const values = Object.values(filters).map((value) => value ?? null);
  const set = Object.entries(added).filter(([, value]) => value !== undefined);
  return createHash('sha256')
    .update(JSON.stringify([...values, ...set]))
    .digest('base64url')
    .slice(0, 12);
}

/** Encodes the cursor of the page that starts after a position. */
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
 * Decodes a cursor that `encodeCursor` made for the same filters.
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
