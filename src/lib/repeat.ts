/**
 * Runs a pass now and then at an interval, one after the other, however long one takes. A pass that fails is reported, and the
 * next one makes up for it.
 * @returns aborts the pass under way, and resolves when it has ended and none will follow
 */
export function repeat(
  pass: (stop: AbortSignal) => Promise<void>,
  { everyMs, onError }: { everyMs: number; onError: (error: unknown) => void },
): () => Promise<void> {
  const stopping = new AbortController();
  const run = async () => {
    try {
      await pass(stopping.signal);
    } catch (error) {
      onError(error);
    }
  };
  let current = run();
  const timer = setInterval(() => {
    current = current.then(run);
  }, everyMs);
  return async () => {
    clearInterval(timer);
    stopping.abort();
    await current;
  };
}
