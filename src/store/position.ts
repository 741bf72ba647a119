/** A place in a listing: after the item with this creation instant and id. */
export interface Position {
  createdAt: Date;
  id: string;
}

/** The order of positions, newest first; negative if the first one comes first. */
export function comparePosition(one: Position, other: Position): number {
  const later = other.createdAt.getTime() - one.createdAt.getTime();
  // As the database orders texts: by their bytes in UTF-8.
  return later === 0 ? Buffer.compare(Buffer.from(other.id), Buffer.from(one.id)) : later;
}
