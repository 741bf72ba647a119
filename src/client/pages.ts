import type { Client } from '../../generated/client/index.ts';

/** The parameters of an operation that pages. */
interface Paging {
  limit?: number;
  cursor?: string;
}

/** The query of an operation, where it is one that pages. */
type QueryOf<Operation extends (options: never) => unknown> =
  NonNullable<Parameters<Operation>[0]> extends { query?: infer Query }
    ? NonNullable<Query> extends { cursor?: string }
      ? NonNullable<Query>
      : never
    : never;

/** What an operation gives where it succeeds. */
type PageOf<Operation extends (options: never) => Promise<{ data?: unknown }>> = NonNullable<
  Awaited<ReturnType<Operation>>['data']
>;

const DEFAULT_LIMIT = 100;

/**
 * The pages of a listing, one after the other, each read when it is asked for:
 * `for await (const { tasks } of pagesOf(listTasks, { client, query: { enabled: true } }))`.
 * @param options - as the operation takes them; `query.limit` is the size of a page, 100 by default
 * @throws ApiError where a page cannot be read
 */
export function pagesOf<Operation extends (options: never) => Promise<{ data?: unknown }>>(
  operation: Operation,
  options: { client: Client; query: QueryOf<Operation>; signal?: AbortSignal },
): AsyncGenerator<PageOf<Operation>, void, undefined>;
// What is done, in types that hey-api's operations have too; theirs are too intricate to be made of a generic query.
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
