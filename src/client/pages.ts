import type { Client } from '../../generated/client/index.ts';

/** Query parameters of a paginated operation. */
interface Paging {
  limit?: number;
  cursor?: string;
}

/** Query type of a paginated operation; `never` for other operations. */
type QueryOf<Operation extends (options: never) => unknown> =
  NonNullable<Parameters<Operation>[0]> extends { query?: infer Query }
    ? NonNullable<Query> extends { cursor?: string }
      ? NonNullable<Query>
      : never
    : never;

/** Type of the data that an operation returns on success. */
type PageOf<Operation extends (options: never) => Promise<{ data?: unknown }>> = NonNullable<
  Awaited<ReturnType<Operation>>['data']
>;

const DEFAULT_LIMIT = 100;

/**
 * Yields the pages of a listing and requests each one on demand:
 * `for await (const { tasks } of pagesOf(listTasks, { client, query: { enabled: true } }))`.
 * @param options - options of the operation; `query.limit` is the page size, 100 by default
 * @throws ApiError if a page cannot be read
 */
export function pagesOf<Operation extends (options: never) => Promise<{ data?: unknown }>>(
  operation: Operation,
  options: { client: Client; query: QueryOf<Operation>; signal?: AbortSignal },
): AsyncGenerator<PageOf<Operation>, void, undefined>;
// The implementation uses simpler types, because those of hey-api's operations cannot be built from a generic query.
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
