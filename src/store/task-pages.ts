import type { TaskDocument } from './task-document.ts';
import type { Collections } from './collections.ts';

/**
 * The ids and owners of all tasks, by id, some at a time. Each page is a query of its own: a cursor that waits while its
 * documents are worked on may expire (on DocumentDB within ten seconds).
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
