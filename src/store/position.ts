/** A position in a listing: after the item with this creation instant and id. */
export interface Position {
  createdAt: Date;
  id: string;
}

/** Compares positions in listing order, newest first. Negative if `one` comes first. */
export function comparePosition(one: Position, other: Position): number {
  const later = other.createdAt.getTime() - one.createdAt.getTime();
  // Compare UTF-8 bytes, as the database does.
  return later === 0 ? Buffer.compare(Buffer.from(other.id), Buffer.from(one.id)) : later;
}
