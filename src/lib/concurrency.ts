/**
 * Runs `work` for each item, up to `concurrency` at a time. After an error, starts no further items.
 * @throws the first error, once all started items have ended
 */
export async function forEachConcurrently<Item>(
  items: Item[],
  concurrency: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  // The workers share one generator. A worker that fails closes it, so the others stop after their current item.
  const queue = (function* () {
    yield* items;
  })();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  const ends = await Promise.allSettled(Array.from({ length: concurrency }, worker));
  // Throw only now, so that no work is in progress when the caller cleans up.
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
