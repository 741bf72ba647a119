import type { Collections } from '../../src/store/collections.ts';
import { task } from './builders.ts';

/** Many times what the buffers between service and client hold. */
export const TASKS = 900;
const PROMPT = 'Write a caption. '.repeat(1_000);

/** Adds the tasks of a listing that does not fit between service and client. */
export async function addLargeListing({ tasks }: Pick<Collections, 'tasks'>): Promise<void> {
  for (let start = 0; start < TASKS; start += 300) {
    const numbers = Array.from({ length: 300 }, (_, index) => start + index);
    await tasks.insertMany(numbers.map((number) => task(number, { prompt: PROMPT })));
  }
}
