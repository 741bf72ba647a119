import type { TaskDocument } from './task-document.ts';
import type { Collections } from './collections.ts';

/**
 * Yields the ids and owners of all tasks in pages, ordered by id. Each page is its own query: a cursor that stays idle
 * while its page is processed may expire (on DocumentDB after ten seconds).
 */
export async function* taskPages(
  tasks: Collections['tasks'],
  size: number,
): AsyncGenerator<Pick<TaskDocument, '_id' | 'account_id'>[], void, undefined> {
  const options = { projection: { account_id: 1 }, sort: { _id: 1 }, limit: size, batchSize: size } as const;
  let after = '';
  for (;;) {
    const page = await tasks.find({ _id: { $gt: after } }, options).toArray();
    const last = page.at(-1);
    if (!last) return;
    yield page;
    if (page.length < size) return;
    after = last._id;
  }
}
