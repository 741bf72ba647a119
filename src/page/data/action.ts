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

export interface Action {
  /** Acts, unless the action is under way already. Resolves to whether it succeeded. */
  run: () => Promise<boolean>;
  busy: boolean;
  /** Why the last attempt failed. */
  failure: ApiError | undefined;
  /** Forgets why it failed. */
  forget: () => void;
}

/** Makes an action that writes once, however often it is clicked. Its key changes after it succeeds. */
export function useAction(act: (options: WriteOptions) => Promise<unknown>): Action {
  const { onChange } = useSession();
  const [failure, setFailure] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const running = useRef(false);
  const key = useRef<string>(undefined);

  const run = async () => {
    if (running.current) return false;
    running.current = true;
    setBusy(true);
    setFailure(undefined);
    try {
      key.current ??= newKey();
      await act({ client: writer, throwOnError: true, headers: { 'Idempotency-Key': key.current } });
      key.current = undefined;
      onChange();
      return true;
    } catch (error) {
      const failed = failureOf(error);
      // An earlier attempt used this key for a different request, and its reply was lost. Use a new key.
      if (failed.code === 'idempotency_key_reused') key.current = undefined;
      setFailure(failed);
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return { run, busy, failure, forget: () => setFailure(undefined) };
}
