import type { Client } from '../../generated/client/index.ts';

/** The parameters of an operation that pages. */
interface Paging {
  limit?: number;
  cursor?: string;
}

const DEFAULT_LIMIT = 100;

/**
 * The pages of a listing, one after the other, each read when it is asked for:
 * `for await (const { tasks } of pagesOf(listTasks, { client, query: { enabled: true } }))`.
 * @param options - as the operation takes them; `query.limit` is the size of a page, 100 by default
 * @throws ApiError where a page cannot be read
 */
export async function* pagesOf<Query extends object, Page extends { next_cursor?: string }>(
  operation: (options: {
    client: Client;
    query: Query & Paging;
    throwOnError: true;
    signal?: AbortSignal;
  }) => Promise<{ data: Page }>,
  { client, query, signal }: { client: Client; query: Query & Paging; signal?: AbortSignal },
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
