import { useEffect, useRef, useState } from 'preact/hooks';
import {
  ApiError,
  type Client,
  type ListTasksData,
  getCaller,
  listOccurrences,
  listRuns,
  listTasks,
  listUpcoming,
} from '../../client/index.ts';
import { reader, useSession } from './service.ts';

const POLL_MS = 5_000;
/** Polling interval of fire times. Long, because those of thousands of tasks are slow to compute and rarely change. */
const UPCOMING_POLL_MS = 60_000;

interface ReadOptions<Query> {
  client: Client;
  query: Query;
  throwOnError: true;
  signal: AbortSignal;
  headers: Record<string, string>;
}

export interface Reading<Data> {
  /** The data of the last successful read, which later failures do not clear; undefined before the first. */
  data: Data | undefined;
  /** Why the last read failed; undefined if it succeeded. */
  failure: ApiError | undefined;
  retry: () => void;
}

/** Returns a thrown ApiError unchanged, and wraps any other thrown value in an ApiError. */
export function failureOf(error: unknown): ApiError {
  return error instanceof ApiError
    ? error
    : new ApiError(error instanceof Error ? error.message : String(error), { code: 'unexpected_reply' });
}

/**
 * Creates a hook that reads data from the service, and polls for changes by ETag while the component is mounted and the
 * tab is visible. Keeps the data of every query in memory, so that going back to a view shows its data at once. Without
 * a query, the hook reads nothing.
 */
function resource<Query, Data>(
  load: (options: ReadOptions<Query>) => Promise<{ data: Data; response: Response }>,
  pollMs = POLL_MS,
) {
  const cache = new Map<string, { data: Data; etag: string | null }>();

  return function useResource(query: Query | undefined): Reading<Data> {
    const { version, onRead } = useSession();
    const name = JSON.stringify(query);
    const [last, setLast] = useState<{ name: string; failure: ApiError | undefined }>();
    const wake = useRef(() => {});

    useEffect(() => {
      if (query === undefined) return;
      const ending = new AbortController();
      const { signal } = ending;
      let timer: ReturnType<typeof setTimeout> | undefined;
      let reading = false;

      const read = async (): Promise<ApiError | undefined> => {
        const etag = cache.get(name)?.etag;
        try {
          const headers: Record<string, string> = etag ? { 'If-None-Match': etag } : {};
          const options = { client: reader, query, throwOnError: true, signal, headers } as const;
          const { data, response } = await load(options);
          cache.set(name, { data, etag: response.headers.get('ETag') });
          return undefined;
        } catch (error) {
          const failure = failureOf(error);
          return failure.code === 'not_modified' ? undefined : failure;
        }
      };
      const poll = async () => {
        if (reading || document.hidden) return;
        reading = true;
        clearTimeout(timer);
        const failure = await read();
        reading = false;
        if (signal.aborted) return;
        timer = setTimeout(poll, failure ? POLL_MS : pollMs);
        setLast({ name, failure });
        onRead(failure);
      };
      wake.current = () => void poll();
      wake.current();
      document.addEventListener('visibilitychange', wake.current, { signal });
      window.addEventListener('online', wake.current, { signal });
      return () => {
        clearTimeout(timer);
        ending.abort();
      };
    }, [name, version]);

    return {
      data: query === undefined ? undefined : cache.get(name)?.data,
      failure: last?.name === name ? last?.failure : undefined,
      retry: () => wake.current(),
    };
  };
}

export type TasksQuery = NonNullable<ListTasksData['query']>;

export const useCaller = resource((options: ReadOptions<object>) =>
  getCaller({ ...options, query: undefined }),
);
export const useRuns = resource(listRuns<true>);
export const useOccurrences = resource(listOccurrences<true>);
export const useUpcoming = resource(listUpcoming<true>, UPCOMING_POLL_MS);
const useTaskList = resource(listTasks<true>);

/** Reads tasks, and adds them to the `known` tasks of the session. */
export function useTasks(query: TasksQuery | undefined) {
  const { learn } = useSession();
  const reading = useTaskList(query);
  useEffect(() => reading.data && learn(reading.data.tasks), [reading.data]);
  return reading;
}
