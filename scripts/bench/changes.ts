import { setTimeout } from 'node:timers/promises';

/** Changes of a task's title while it is listed. */
export interface TitleChanges {
  taskId: string;
  perSecond: number;
}

const DIGITS = 9;

/** Titles that are as long as each other, so that the listing's length does not change. */
export const titleOf = (number: number): string => `Changed ${String(number).padStart(DIGITS, '0')}`;

/**
 * Changes a task's title.
 * @throws where that is not acknowledged
 */
export async function changeTitle(url: string, taskId: string, number: number): Promise<void> {
  const response = await fetch(`${url}/api/tasks`, {
    method: 'PATCH',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ id: taskId, title: titleOf(number) }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`PATCH: status ${response.status}, ${text}`);
}

/**
 * Changes a title so many times a second until told to stop, without waiting for one reply before the next.
 * @returns how many changes there were, all of them acknowledged
 */
export async function changeTitles(
  url: string,
  { taskId, perSecond }: TitleChanges,
  stop: AbortSignal,
): Promise<number> {
  const underWay: Promise<void>[] = [];
  const startedAt = performance.now();
  while (!stop.aborted) {
    underWay.push(changeTitle(url, taskId, underWay.length + 1));
    const waitMs = startedAt + (underWay.length * 1_000) / perSecond - performance.now();
    // Told to stop, it need not wait.
    if (waitMs > 0) await setTimeout(waitMs, undefined, { signal: stop }).catch(() => {});
  }
  await Promise.all(underWay);
  return underWay.length;
}
