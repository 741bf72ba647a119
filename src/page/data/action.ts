import { useRef, useState } from 'preact/hooks';
import type { ApiError, Client } from '../../client/index.ts';
import { failureOf } from './reads.ts';
import { useSession, writer } from './service.ts';

/** Makes an Idempotency-Key. Pages without TLS have no crypto.randomUUID. */
const newKey = (): string => crypto.getRandomValues(new Uint32Array(4)).join('-');

/** Options of a write. Its key makes the client repeat it when the reply is lost. */
export interface WriteOptions {
  client: Client;
  throwOnError: true;
  headers: { 'Idempotency-Key': string };
}

/**
 * Makes an action that writes once, however often it is clicked. Its key changes after it succeeds.
 * @returns run, which acts unless the action is under way already; whether it is; why the last attempt failed
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
      // An earlier attempt used this key for a different request, and its reply was lost. Use a new key.
      if (failed.code === 'idempotency_key_reused') key.current = undefined;
      setFailure(failed);
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return { run, busy, failure, forget: () => setFailure(undefined) };
}
