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

/** Does not retry: polling repeats each read. */
export const reader = createClient({ ...settings, retries: 0 });

/** Retries a write if its reply is lost. Each write carries an Idempotency-Key. */
export const writer = createClient({ ...settings, retries: 3 });

/** State that all parts of the page share. */
export interface Session {
  /** Undefined until the service first answers. */
  caller: CallerResponse | undefined;
  /** Counts writes. Every mounted read repeats when it changes. */
  version: number;
  /** All tasks read so far, by ID. Views and fields look up titles and names here. */
  known: Map<string, Task>;
  learn: (tasks: Task[]) => void;
  /** Called after a write. */
  onChange: () => void;
  /** Called after each read, with the error if it failed. */
  onRead: (failure: ApiError | undefined) => void;
}

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('useSession needs a SessionContext.Provider above it.');
  return session;
}

/** Whether the caller has a right. The right to run tasks also needs a live engine. False until the service answers. */
export function useRight(right: Right): boolean {
  const { caller } = useSession();
  return caller !== undefined && caller.may.includes(right) && (right !== 'run' || caller.engine !== null);
}

/** Returns the title of a task, or its ID if the title has no visible character. */
export const visibleTitle = (title: string, id: string): string =>
  /[^\p{Z}\p{C}]/u.test(title) ? title : id;
