import type { Occurrence, Run } from '../../client/index.ts';
import { plural } from './format.ts';
import { lookOf } from './status.tsx';

/** Something that happened to a task: a run, or a fire time that made none. */
export type Incident = { at: string; run: Run } | { at: string; gap: Occurrence };

/** Merges runs and gaps, the newest first. */
export function historyOf(runs: Run[], gaps: Occurrence[]): Incident[] {
  const incidents: Incident[] = [
    ...runs.map((run) => ({ at: run.createdAt, run })),
    ...gaps.map((gap) => ({ at: gap.scheduled_at, gap })),
  ];
  return incidents.toSorted((one, other) => Date.parse(other.at) - Date.parse(one.at));
}

const REASONS: Record<string, string> = {
  overlap: 'an earlier run was not finished',
  queue_full: 'another run was waiting already',
  engine_away: 'no engine was live',
};

/** Returns why fire times made no run, such as `Skipped: an earlier run was not finished`. */
export function gapWords({ outcome, reason = '', count = 1 }: Occurrence): string {
  const many = count > 1 ? ` ${plural(count, 'time')}` : '';
  const why = REASONS[reason] ?? reason;
  return `${outcome === 'missed' ? 'Missed' : 'Skipped'}${many}${why && `: ${why}`}`;
}

/** Returns how many of the finished runs succeeded. Canceled runs do not count. */
export function successOf(runs: Run[]): { succeeded: number; finished: number } {
  const tones = runs.map(({ status }) => lookOf(status).tone);
  const succeeded = tones.filter((tone) => tone === 'ok').length;
  return { succeeded, finished: succeeded + tones.filter((tone) => tone === 'bad').length };
}

/** Returns the middle of some numbers; undefined if there are none. */
export function median(numbers: number[]): number | undefined {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];
}
