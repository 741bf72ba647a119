import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import {
  type ApiError,
  type CallerResponse,
  type Right,
  type Task,
  createClient,
} from '../../client/index.ts';
import { keptKey } from './key.ts';

/** The time limit is that of one request. */
const settings = { apiKey: keptKey(), timeoutMs: 15_000 };

/** Does not retry, because polling repeats each read. */
export const reader = createClient({ ...settings, retries: 0 });

/** Retries writes whose reply was lost. Each carries an Idempotency-Key. */
export const writer = createClient({ ...settings, retries: 3 });

/** What the parts of the page share. */
export interface Session {
  /** Undefined until the service has answered once. */
  caller: CallerResponse | undefined;
  /** Rises with each write, so that every read repeats at once. */
  version: number;
  /** The tasks that were read, by ID. Views and fields that know IDs only take names from them. */
  known: Map<string, Task>;
  /** Adds tasks to the known ones. */
  learn: (tasks: Task[]) => void;
  /** Called after a write. */
  onChange: () => void;
  /** Called after each read, with the reason if it failed. */
  onRead: (failure: ApiError | undefined) => void;
}

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('There is no session around this part of the page.');
  return session;
}

/**
 * Returns whether the key has a right, and whether an engine is live where the right is to run tasks. False until the
 * service has answered.
 */
export function useRight(right: Right): boolean {
  const { caller } = useSession();
  return caller !== undefined && caller.may.includes(right) && (right !== 'run' || caller.engine !== null);
}

/** Returns the title of a task, or its ID if the title shows no character. */
export const visibleTitle = (title: string, id: string): string =>
  /[^\p{Z}\p{C}]/u.test(title) ? title : id;
