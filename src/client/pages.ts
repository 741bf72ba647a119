import type { Client } from '../../generated/client/index.ts';

interface Paging {
  limit?: number;
  cursor?: string;
}

/** Type of the query of a paginated operation; `never` for other operations. */
type QueryOf<Operation extends (options: never) => unknown> =
  NonNullable<Parameters<Operation>[0]> extends { query?: infer Query }
    ? NonNullable<Query> extends { cursor?: string }
      ? NonNullable<Query>
      : never
    : never;

/** Type of the `data` that an operation returns on success. */
type PageOf<Operation extends (options: never) => Promise<{ data?: unknown }>> = NonNullable<
  Awaited<ReturnType<Operation>>['data']
>;

const DEFAULT_LIMIT = 100;

/**
 * Yields the pages of a listing. Requests each page when the caller asks for it:
 * `for await (const { tasks } of pagesOf(listTasks, { client, query: { enabled: true } }))`.
 * @param options - options of the operation; `query.limit` is the page size, 100 by default
 * @throws ApiError if a page cannot be read
 */
export function pagesOf<Operation extends (options: never) => Promise<{ data?: unknown }>>(
  operation: Operation,
  options: { client: Client; query: QueryOf<Operation>; signal?: AbortSignal },
): AsyncGenerator<PageOf<Operation>, void, undefined>;
// The types of the implementation are simpler, because a generic query does not fit hey-api's types of operations.
export async function* pagesOf<Query extends Paging, Page extends { next_cursor?: string }>(
  operation: (options: {
    client: Client;
    query?: Query;
    throwOnError: true;
    signal?: AbortSignal;
  }) => Promise<{ data: Page }>,
  { client, query, signal }: { client: Client; query: Query; signal?: AbortSignal },
): AsyncGenerator<Page, void, undefined> {
  let { cursor } = query;
  do {
    const paging: Paging = { limit: query.limit ?? DEFAULT_LIMIT, ...(cursor !== undefined && { cursor }) };
    const { data } = await operation({
      client,
      query: { ...query, ...paging },
      throwOnError: true,
      ...(signal && { signal }),
    });
    yield data;
    cursor = data.next_cursor;
  } while (cursor !== undefined);
}
