import {
  ApiError,
  type Client,
  type ListRunsData,
  type ListTasksData,
  type Run,
  type Task,
  createClient,
  listRuns,
  listTasks,
} from '../../client/index.ts';

/** Number of tasks or runs per page. 100 is the API's maximum for runs. */
const PAGE = 100;
/** Time limit of a request. Long, because the original API lists all tasks at once and queries its engine for each. */
const TIMEOUT_MS = 300_000;
/** Maximum number of retries of a request: other clients may use up the source's rate limit several times in a row. */
const RETRIES = 5;

/** Thrown if the import cannot continue: the source is unreachable, rejects every request or sends invalid replies. */
export class SourceFailed extends Error {
  constructor(problem: string, cause?: unknown) {
    super(`${problem} Tasks and runs that are already imported stay; repeat the command to continue.`, {
      cause,
    });
    this.name = 'SourceFailed';
  }
}

/** Thrown if the source replies to one request with an error. The import can continue: other requests may succeed. */
export class RequestRefused extends Error {
  readonly status: number;

  constructor(status: number, cause: unknown) {
    super(`the source answered with status ${status}`, { cause });
    this.name = 'RequestRefused';
    this.status = status;
  }
}

/** Error statuses that concern the key or the whole source: other requests would fail as well. */
const SOURCE_STATUSES = new Set([401, 408, 429]);
const BAD_REQUEST = 400;
const INTERNAL_ERROR = 500;

function explain(error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  const { status } = error;
  if (status === 401)
    return new SourceFailed(
      'The source rejects the key (HTTP 401); pass a valid one in RECOUP_API_KEY or --key-file.',
      error,
    );
  if (status === 429)
    return new SourceFailed(
      'The source is rate-limiting requests (HTTP 429); wait before you repeat the command.',
      error,
    );
  const isOfOne =
    status !== undefined && status >= BAD_REQUEST && status <= INTERNAL_ERROR && !SOURCE_STATUSES.has(status);
  return isOfOne ? new RequestRefused(status, error) : new SourceFailed(error.message, error);
}

interface Page<Item> {
  items: Item[];
  next: string | undefined;
}

/**
 * Returns the list and cursor of a reply, and checks that the list has only objects. The source may be another service,
 * whose replies do not match the client's types.
 */
function pageOf<Item>(items: Item[], next_cursor: string | undefined, name: string): Page<Item> {
  if (!Array.isArray(items) || items.some((item) => typeof item !== 'object' || item === null)) {
    throw new SourceFailed(
      `The source's reply has no array "${name}" of objects; check that --from is the address of the API.`,
    );
  }
  // Some services mark the last page with a cursor that is null or empty, instead of omitting it.
  return { items, next: next_cursor || undefined };
}

type TaskQuery = Pick<NonNullable<ListTasksData['query']>, 'account_id' | 'limit' | 'cursor'>;
type RunQuery = NonNullable<ListRunsData['query']>;

/** Reads the API to import from: another installation of this service, or the original API, which does not paginate. */
export class Source {
  readonly #client: Client;

  /** @param baseUrl - address of the API, without /api and without a trailing slash */
  constructor(baseUrl: string, apiKey: string) {
    this.#client = createClient({ baseUrl, apiKey, timeoutMs: TIMEOUT_MS, retries: RETRIES });
  }

  /**
   * Yields the tasks of an account in pages. Without an account, yields all tasks that the key can read.
   * @throws SourceFailed
   */
  async *tasks(account_id?: string): AsyncGenerator<Task[], void, undefined> {
    const query = account_id === undefined ? {} : { account_id };
    try {
      let page = await this.#firstTasks(query);
      yield page.items;
      while (page.next !== undefined) {
        page = await this.#tasks({ ...query, limit: PAGE, cursor: page.next });
        yield page.items;
      }
    } catch (error) {
      if (error instanceof RequestRefused)
        throw new SourceFailed(`Failed to list the tasks: ${error.message}.`, error);
      throw error;
    }
  }

  /**
   * Yields the runs of an account, newest first, in pages.
   * @throws RequestRefused, SourceFailed
   */
  async *runs(account_id: string): AsyncGenerator<Run[], void, undefined> {
    let cursor: string | undefined;
    do {
      const page = await this.#runs({ account_id, limit: PAGE, ...(cursor !== undefined && { cursor }) });
      yield page.items;
      cursor = page.next;
    } while (cursor !== undefined);
  }

  /**
   * Reads one run with all fields; undefined if the reply has no run.
   * @throws RequestRefused, SourceFailed
   */
  async run(runId: string): Promise<Run | undefined> {
    return (await this.#runs({ runId })).items[0];
  }

  /** Reads the first page of tasks, or all tasks if the source does not paginate. */
  async #firstTasks(query: TaskQuery): Promise<Page<Task>> {
    try {
      const page = await this.#tasks({ ...query, limit: PAGE });
      // A full page without a cursor may be incomplete, if the source knows `limit` but no cursors. Read all tasks.
      if (page.next !== undefined || page.items.length !== PAGE) return page;
    } catch (error) {
      // A source that does not paginate may reject `limit`. Read all tasks without it.
      if (!(error instanceof RequestRefused && error.status === BAD_REQUEST)) throw error;
    }
    return this.#tasks(query);
  }

  async #tasks(query: TaskQuery): Promise<Page<Task>> {
    try {
      const { data } = await listTasks({ client: this.#client, query, throwOnError: true });
      return pageOf(data.tasks, data.next_cursor, 'tasks');
    } catch (error) {
      throw explain(error);
    }
  }

  async #runs(query: RunQuery): Promise<Page<Run>> {
    try {
      const { data } = await listRuns({ client: this.#client, query, throwOnError: true });
      return pageOf(data.runs, data.next_cursor, 'runs');
    } catch (error) {
      throw explain(error);
    }
  }
}
