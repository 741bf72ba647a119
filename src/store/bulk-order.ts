/**
 * Sorts the items of a bulk write by document id. Every bulk write uses this order, because DocumentDB runs a bulk write
 * in one transaction and locks documents in the order sent: two bulk writes in different orders would deadlock until
 * both fail.
 */
export function inOneOrder<Item>(items: Item[], idOf: (item: Item) => string): Item[] {
  return items
    .map((item) => ({ item, id: idOf(item) }))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .map(({ item }) => item);
}
