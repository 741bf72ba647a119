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

/** Number of tasks or runs per page; the API's maximum for runs. */
const PAGE = 100;
/** Time limit of a request. Long, because the original lists all tasks at once and queries its engine about each. */
const TIMEOUT_MS = 300_000;
/** Maximum number of retries. A source may refuse a request several times while others use up its rate limit. */
const RETRIES = 5;

/** Thrown if the source cannot be read. */
export class SourceFailed extends Error {
  constructor(problem: string, cause?: unknown) {
    super(`${problem} Tasks and runs that are already imported stay; repeat the command to continue.`, {
      cause,
    });
    this.name = 'SourceFailed';
  }
}

/** Thrown if the source refuses or fails one request, but may answer others. */
export class RequestRefused extends Error {
  readonly status: number;

  constructor(status: number, cause: unknown) {
    super(`the source answered with status ${status}`, { cause });
    this.name = 'RequestRefused';
    this.status = status;
  }
}

/** Statuses that concern the key or the whole source, not one request. */
const SOURCE_STATUSES = new Set([401, 408, 429]);
const BAD_REQUEST = 400;
const INTERNAL_ERROR = 500;

function explain(error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  const { status } = error;
  if (status === 401) return new SourceFailed('The source rejects the key (HTTP 401).', error);
  if (status === 429) return new SourceFailed('The source is rate-limiting requests (HTTP 429).', error);
  const isOfOne =
    status !== undefined && status >= BAD_REQUEST && status <= INTERNAL_ERROR && !SOURCE_STATUSES.has(status);
  return isOfOne ? new RequestRefused(status, error) : new SourceFailed(error.message, error);
}

interface Page<Item> {
  items: Item[];
  next: string | undefined;
}

/** Checks the list in a reply. The source may be another service, so the client's types do not hold. */
function pageOf<Item>(items: Item[], next_cursor: string | undefined, name: string): Page<Item> {
  if (!Array.isArray(items) || items.some((item) => typeof item !== 'object' || item === null)) {
    throw new SourceFailed(`The source's reply has no list "${name}" of objects.`);
  }
  // Some services mark the last page with null or an empty cursor.
  return { items, next: next_cursor || undefined };
}

type TaskQuery = Pick<NonNullable<ListTasksData['query']>, 'account_id' | 'limit' | 'cursor'>;
type RunQuery = NonNullable<ListRunsData['query']>;

/** The API to import from: this service's, or the original API, which does not paginate. */
export class Source {
  readonly #client: Client;

  /** @param baseUrl - without a trailing slash */
  constructor(baseUrl: string, apiKey: string) {
    this.#client = createClient({ baseUrl, apiKey, timeoutMs: TIMEOUT_MS, retries: RETRIES });
  }

  /**
   * Yields the tasks of an account, or all that the key can read, in pages.
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
   * Reads one run with all fields.
   * @throws RequestRefused, SourceFailed
   */
  async run(runId: string): Promise<Run | undefined> {
    return (await this.#runs({ runId })).items[0];
  }

  /** Reads the first page, or all tasks if the source does not paginate. */
  async #firstTasks(query: TaskQuery): Promise<Page<Task>> {
    try {
      const page = await this.#tasks({ ...query, limit: PAGE });
      // A full page without a cursor: the source may have honored `limit` and yet have no cursors.
      if (page.next !== undefined || page.items.length !== PAGE) return page;
    } catch (error) {
      // A source that does not paginate may refuse `limit`.
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
