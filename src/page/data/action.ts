import { useRef, useState } from 'preact/hooks';
import type { ApiError, Client } from '../../client/index.ts';
import { failureOf } from './reads.ts';
import { useSession, writer } from './service.ts';

/** Returns a new Idempotency-Key. crypto.randomUUID exists only in secure contexts, such as HTTPS. */
const newKey = (): string => crypto.getRandomValues(new Uint32Array(4)).join('-');

/** Write options. With an Idempotency-Key, the client retries it if the reply is lost. */
export interface WriteOptions {
  client: Client;
  throwOnError: true;
  headers: { 'Idempotency-Key': string };
}

/**
 * Runs a write at most once at a time. Until it succeeds, repeated attempts send the same Idempotency-Key.
 * @returns `run`, which does nothing while `busy`, and the `failure` of the last attempt
 */
export function useAction(act: (options: WriteOptions) => Promise<unknown>) {
  const { onChange } = useSession();
  const [failure, setFailure] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const running = useRef(false);
  const key = useRef<string>(undefined);

  const run = async () => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setFailure(undefined);
    try {
      key.current ??= newKey();
      await act({ client: writer, throwOnError: true, headers: { 'Idempotency-Key': key.current } });
      key.current = undefined;
      onChange();
    } catch (error) {
      const failed = failureOf(error);
      // The service has applied an earlier attempt with other values, whose reply was lost.
      if (failed.code === 'idempotency_key_reused') key.current = undefined;
      setFailure(failed);
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return { run, busy, failure, forget: () => setFailure(undefined) };
}
