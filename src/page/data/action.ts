import { useRef, useState } from 'preact/hooks';
import type { ApiError, Client } from '../../client/index.ts';
import { failureOf } from './reads.ts';
import { useSession, writer } from './service.ts';

/** Returns a new Idempotency-Key. Avoids crypto.randomUUID, which exists only in secure contexts, such as HTTPS. */
const newKey = (): string => crypto.getRandomValues(new Uint32Array(4)).join('-');

/** Client options of each write. Because of the Idempotency-Key, the client retries the write if its reply is lost. */
export interface WriteOptions {
  client: Client;
  throwOnError: true;
  headers: { 'Idempotency-Key': string };
}

/**
 * Provides a write for a button or form. Until the write succeeds, all attempts send the same Idempotency-Key.
 * @returns `run`, which does nothing while a write is `busy`; the last attempt's `failure`; `forget`, which clears it
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
      // An earlier attempt with other values was applied, but its reply was lost. Use a new key from now on.
      if (failed.code === 'idempotency_key_reused') key.current = undefined;
      setFailure(failed);
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return { run, busy, failure, forget: () => setFailure(undefined) };
}
