import { type Client, type Task, previewSchedule } from '../client/index.ts';

/** Number of next fire times in an explanation. */
const TIMES = 3;

const timeIn = (timeZone: string, instant: string): string =>
  new Intl.DateTimeFormat('en-US', { timeZone, dateStyle: 'full', timeStyle: 'long' }).format(
    new Date(instant),
  );

/** Describes in words when a task fires, with its next fire times. Returns undefined if the API cannot preview them. */
export async function explainSchedule(
  client: Client,
  { enabled, schedule, timezone }: Task,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { data } = await previewSchedule({
      client,
      query: { schedule, timezone },
      signal,
      throwOnError: true,
    });
    const next = data.upcoming.slice(0, TIMES).map((instant) => timeIn(data.timezone, instant));
    const when = `${data.words} (${data.timezone}). The next ${TIMES} times: ${next.join('; ')}.`;
    return enabled === false
      ? `The task is disabled. If enabled, it would fire: ${when}`
      : `The task fires: ${when}`;
  } catch {
    // Do not throw: the task has already been created.
    return undefined;
  }
}
