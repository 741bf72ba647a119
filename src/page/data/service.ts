import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import {
  type ApiError,
  type CallerResponse,
  type Right,
  type Task,
  createClient,
} from '../../client/index.ts';
import { storedKey } from './key.ts';

const settings = { apiKey: storedKey(), timeoutMs: 15_000 };

/** Client for reads. It does not retry, because polling repeats each read. */
export const reader = createClient({ ...settings, retries: 0 });

/** Client for writes. It retries a write if its reply is lost, because each write has an Idempotency-Key. */
export const writer = createClient({ ...settings, retries: 3 });

/** State that all parts of the page share. */
export interface Session {
  /** The caller's account and rights, and the live engine; undefined until the service first answers. */
  caller: CallerResponse | undefined;
  /** Number of successful writes. When it changes, all mounted components read their data again. */
  version: number;
  /** All tasks that the page has read so far, by ID. Views and fields look up titles and names here. */
  known: Map<string, Task>;
  /** Adds tasks to `known`. */
  learn: (tasks: Task[]) => void;
  /** Called after each successful write. */
  onChange: () => void;
  /** Called after each read, with its error if the read failed. */
  onRead: (failure: ApiError | undefined) => void;
}

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('useSession needs a SessionContext.Provider above it.');
  return session;
}

/** Whether the caller has a right; for `run`, also whether an engine is live. False until the service first answers. */
export function useRight(right: Right): boolean {
  const { caller } = useSession();
  return caller !== undefined && caller.may.includes(right) && (right !== 'run' || caller.engine !== null);
}

/** Returns the title of a task, or its ID if the title has no visible character. */
export const visibleTitle = (title: string, id: string): string =>
  /[^\p{Z}\p{C}]/u.test(title) ? title : id;
