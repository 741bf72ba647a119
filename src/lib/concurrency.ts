/**
 * Works on items, several at the same time.
 * @throws the first error, after the work that had begun has ended; nothing is begun after an error
 */
export async function forEachConcurrently<Item>(
  items: Item[],
  concurrency: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  // The workers share one generator; the first that fails closes it, so that the others stop after their item.
  const queue = (function* () {
    yield* items;
  })();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  const ends = await Promise.allSettled(Array.from({ length: concurrency }, worker));
  // Reported only now, so that nothing is still working when the caller cleans up.
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
