import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import {
  type ApiError,
  type CallerResponse,
  type Client,
  type Right,
  type Task,
  createClient,
} from '../../client/index.ts';

/** Time limit of one request, in milliseconds. */
const TIMEOUT_MS = 15_000;
/** Maximum number of retries of a write whose reply was lost. */
const WRITE_RETRIES = 3;

/** The names of tasks, accounts and artists by id, as found in visible tasks. */
export interface Names {
  titles: Map<string, string>;
  accounts: Map<string, string>;
  artists: Map<string, string>;
}

/** A connection to the service with one key. */
export interface Service {
  /** Does not retry, because polling repeats each read. */
  reader: Client;
  /** Retries writes, each of which carries an Idempotency-Key. */
  writer: Client;
  names: Names;
}

/** What the parts of the page share. */
export interface Session extends Service {
  /** Undefined until the service has answered once. */
  caller: CallerResponse | undefined;
  /** Rises with each write, so that every read repeats at once. */
  version: number;
  /** Keeps the names that tasks carry, and renders again if there are new ones. */
  learn: (tasks: Task[]) => void;
  /** Called after a write. */
  onChange: () => void;
  /** Called after each read, with the reason if it failed. */
  onRead: (failure: ApiError | undefined) => void;
}

export function connect(apiKey: string | undefined): Service {
  const settings = { apiKey, timeoutMs: TIMEOUT_MS };
  return {
    reader: createClient({ ...settings, retries: 0 }),
    writer: createClient({ ...settings, retries: WRITE_RETRIES }),
    names: { titles: new Map(), accounts: new Map(), artists: new Map() },
  };
}

/** Returns the title of a task, or its ID if the title shows no character. */
export const visibleTitle = (title: string, id: string): string =>
  /[^\p{Z}\p{C}]/u.test(title) ? title : id;

/** Keeps the names that tasks carry, for views and fields that know ids only. Returns whether there are new ones. */
export function learnNames({ titles, accounts, artists }: Names, tasks: Task[]): boolean {
  const known = accounts.size + artists.size;
  for (const { id, title, account_id, owner_email, artist_account_id, artist_name } of tasks) {
    titles.set(id, visibleTitle(title, id));
    accounts.set(account_id, owner_email ?? account_id);
    artists.set(artist_account_id, artist_name ?? artist_account_id);
  }
  return accounts.size + artists.size > known;
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
