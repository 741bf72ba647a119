import type { Run, RunAttempt, RunStatus, Task } from '../../client/index.ts';
import { linkTo } from '../data/location.ts';
import { duration, exactInZones } from './format.ts';

/** How a status looks. Each tone has a color and a shape of its own. */
export type Tone = 'ok' | 'bad' | 'busy' | 'wait' | 'off' | 'none' | 'gap';

/** The statuses of runs and of attempts. */
const STATUSES: Record<RunStatus | RunAttempt['status'], { tone: Tone; label: string }> = {
  PENDING_VERSION: { tone: 'wait', label: 'Waiting for a version' },
  PENDING: { tone: 'wait', label: 'Waiting' },
  PAUSED: { tone: 'wait', label: 'Paused' },
  DELAYED: { tone: 'wait', label: 'Delayed' },
  QUEUED: { tone: 'wait', label: 'Queued' },
  EXECUTING: { tone: 'busy', label: 'Running' },
  REATTEMPTING: { tone: 'busy', label: 'Retrying' },
  FROZEN: { tone: 'wait', label: 'Waiting' },
  COMPLETED: { tone: 'ok', label: 'Completed' },
  CANCELED: { tone: 'gap', label: 'Canceled' },
  FAILED: { tone: 'bad', label: 'Failed' },
  CRASHED: { tone: 'bad', label: 'Crashed' },
  INTERRUPTED: { tone: 'bad', label: 'Interrupted' },
  SYSTEM_FAILURE: { tone: 'bad', label: 'System failure' },
};

function statusesOf(...tones: Tone[]): RunStatus[] {
  const all = Object.keys(STATUSES).filter((status): status is RunStatus => status in STATUSES);
  return all.filter((status) => tones.includes(STATUSES[status].tone));
}

export const FAILING = statusesOf('bad');
export const UNFINISHED = statusesOf('busy', 'wait');

/** Returns tone and label of a status. A status of a later release is shown by its name. */
export function lookOf(status: keyof typeof STATUSES): { tone: Tone; label: string } {
  return STATUSES[status] ?? { tone: 'wait', label: status };
}

const SHAPES: Record<Tone, string> = {
  ok: 'M4 8.5l2.7 2.7L12 5.5',
  bad: 'M4.8 4.8l6.4 6.4M11.2 4.8l-6.4 6.4',
  busy: 'M8 3.5a4.5 4.5 0 1 1-4.5 4.5',
  wait: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M8 5.3V8l1.8 1.3',
  off: 'M6 4.5v7M10 4.5v7',
  none: 'M8 4a4 4 0 1 0 0 8a4 4 0 1 0 0-8',
  gap: 'M4.5 8h7',
};

function Shape({ tone }: { tone: Tone }) {
  return (
    <svg viewBox="0 0 16 16" class="shape" aria-hidden="true">
      <path d={SHAPES[tone]} />
    </svg>
  );
}

/** A status as a colored shape with its label. */
export function Badge({ tone, label }: { tone: Tone; label: string }) {
  return (
    <span class={`badge is-${tone}`}>
      <span class={tone}>
        <Shape tone={tone} />
      </span>
      {label}
    </span>
  );
}

/** Returns a task's current state: paused, or the state of its newest run. */
export function stateOf({ enabled, recent_runs: [newest] }: Task): { tone: Tone; label: string } {
  const look = newest && lookOf(newest.status);
  if (look?.tone === 'busy' || look?.tone === 'wait') return look;
  if (enabled === false) return { tone: 'off', label: 'Paused' };
  if (!look) return { tone: 'none', label: 'Not run yet' };
  return look.tone === 'bad' ? { tone: 'bad', label: 'Failing' } : { tone: look.tone, label: look.label };
}

/** Returns how long a run took or has taken; undefined before it started. */
export function tookMs({ durationMs, startedAt, finishedAt }: Run): number | undefined {
  if (startedAt && finishedAt) return Date.parse(finishedAt) - Date.parse(startedAt);
  return durationMs;
}

/** Returns the whole cost of a run. */
export const centsOf = ({ costInCents = 0, baseCostInCents = 0 }: Run): number =>
  costInCents + baseCostInCents;

/** Returns what a run was, on a few lines. */
export function summaryOf(run: Run, zone: string): string {
  const took = tookMs(run);
  const lines = [
    `${lookOf(run.status).label}${took === undefined ? '' : ` after ${duration(took)}`}`,
    exactInZones(new Date(run.createdAt), zone),
    run.error?.message.slice(0, 140) ?? '',
  ];
  return lines.filter((line) => line !== '').join('\n');
}

/** Maximum number of runs that a task carries. */
const SHOWN_RUNS = 5;

/** The last runs of a task as colored squares, the newest at the right. */
export function Squares({ task: { recent_runs, timezone = 'UTC' } }: { task: Task }) {
  const runs = recent_runs.slice(0, SHOWN_RUNS).toReversed();
  return (
    <span class="squares">
      {Array.from({ length: SHOWN_RUNS - runs.length }, (_, index) => (
        <span key={index} class="square none" />
      ))}
      {runs.map((run) => {
        const summary = summaryOf(run, timezone);
        const { tone } = lookOf(run.status);
        return (
          <a
            key={run.id}
            class={`square tip ${tone}`}
            href={linkTo('runs', run.id)}
            aria-label={summary}
            data-tip={summary}
          >
            <Shape tone={tone} />
          </a>
        );
      })}
    </span>
  );
}
