/**
 * The writes of a bulk in the one order of all bulks, by id. DocumentDB runs a bulk in one transaction and locks documents in
 * the order sent: two bulks in different orders would wait for each other until both fail.
 */
export function inOneOrder<Item>(items: Item[], idOf: (item: Item) => string): Item[] {
  return items
    .map((item) => ({ item, id: idOf(item) }))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .map(({ item }) => item);
}
