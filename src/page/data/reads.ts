import {
  type ListOccurrencesData,
  type ListRunsData,
  type ListTasksData,
  type ListUpcomingData,
  getCaller,
  listOccurrences,
  listRuns,
  listTasks,
  listUpcoming,
} from '../../client/index.ts';
import { resource } from './resource.ts';

export type TasksQuery = NonNullable<ListTasksData['query']>;
type RunsQuery = NonNullable<ListRunsData['query']>;
type OccurrencesQuery = NonNullable<ListOccurrencesData['query']>;
type UpcomingQuery = NonNullable<ListUpcomingData['query']>;

const throwOnError = true;
/** Fire times of thousands of tasks take the service long, and change seldom. */
const UPCOMING_POLL_MS = 60_000;

export const useCaller = resource((client, _query: object, options) =>
  getCaller({ client, throwOnError, ...options }),
);
export const useTasks = resource((client, query: TasksQuery, options) =>
  listTasks({ client, query, throwOnError, ...options }),
);
export const useRuns = resource((client, query: RunsQuery, options) =>
  listRuns({ client, query, throwOnError, ...options }),
);
export const useOccurrences = resource((client, query: OccurrencesQuery, options) =>
  listOccurrences({ client, query, throwOnError, ...options }),
);
export const useUpcoming = resource(
  (client, query: UpcomingQuery, options) => listUpcoming({ client, query, throwOnError, ...options }),
  UPCOMING_POLL_MS,
);
