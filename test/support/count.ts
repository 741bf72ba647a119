import type { Collection, Document, Filter } from 'mongodb';

/** How many documents match. The driver's countDocuments is an aggregation, which the embedded engine does not have. */
export async function countOf<T extends Document>(
  collection: Collection<T>,
  filter: Filter<T> = {},
): Promise<number> {
  return (await collection.find(filter, { projection: { _id: 1 } }).toArray()).length;
}
