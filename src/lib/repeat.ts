/**
 * Runs a pass immediately and repeats the pass at an interval, never two at once. After a failure, calls `onError` and
 * continues with the next pass.
 * @returns a function that aborts the current pass, prevents further ones, and resolves when the pass has ended
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
