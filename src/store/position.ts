/** A position in a listing: right after the item with this instant and id. */
export interface Position {
  createdAt: Date;
  id: string;
}

/**
 * Compares positions in the order of run listings: newest first, ties by id in descending order. Negative if `one`
 * comes first.
 */
export function comparePosition(one: Position, other: Position): number {
  const later = other.createdAt.getTime() - one.createdAt.getTime();
  // Compare UTF-8 bytes, as the database does.
  return later === 0 ? Buffer.compare(Buffer.from(other.id), Buffer.from(one.id)) : later;
}
