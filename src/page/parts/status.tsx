import type { ComponentChildren } from 'preact';
import type { Run, RunAttempt, RunStatus, Task } from '../../client/index.ts';
import { linkTo } from '../data/location.ts';
import { visibleTitle } from '../data/service.ts';
import { duration, exactInZones } from './format.ts';

/** How a status looks. Each tone has its own shape and color; only `off`, `none` and `gap` share a color. */
export type Tone = 'ok' | 'bad' | 'busy' | 'wait' | 'off' | 'none' | 'gap';

/** Tone and label of each status of a run or attempt. */
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

/** Returns the tone and label of a status. An unknown status, from a newer service, is its own label. */
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

/** Returns the state of a task: that of its newest run, but paused if the task is disabled and no run is unfinished. */
export function stateOf({ enabled, recent_runs: [newest] }: Task): { tone: Tone; label: string } {
  const look = newest && lookOf(newest.status);
  if (look?.tone === 'busy' || look?.tone === 'wait') return look;
  if (enabled === false) return { tone: 'off', label: 'Paused' };
  if (!look) return { tone: 'none', label: 'Not run yet' };
  return look.tone === 'bad' ? { tone: 'bad', label: 'Failing' } : { tone: look.tone, label: look.label };
}

/**
 * Returns the milliseconds from a run's start to its finish. If one of these is unknown, returns its compute time.
 * Returns undefined for an unfinished run, and for a run that never started, whose compute time is 0.
 */
export function tookMs({ status, durationMs, startedAt, finishedAt }: Run): number | undefined {
  if (UNFINISHED.includes(status)) return undefined;
  if (startedAt && finishedAt) return Date.parse(finishedAt) - Date.parse(startedAt);
  return durationMs === 0 ? undefined : durationMs;
}

/** Returns the total cost of a run in US cents. */
export const centsOf = ({ costInCents = 0, baseCostInCents = 0 }: Run): number =>
  costInCents + baseCostInCents;

/** Returns the title of a run's task, or `Run of a deleted task` if the run has no title. */
export const runTitle = ({ title, task_id = '' }: Run): string =>
  title ? visibleTitle(title, task_id) : 'Run of a deleted task';

type RunLinkProps = { run: Run; zone: string; class: string; children: ComponentChildren };

/** A link to a run. On hover and focus, a tooltip shows the run's status, duration, time and error. */
export function RunLink({ run, zone, class: look, children }: RunLinkProps) {
  const { tone, label } = lookOf(run.status);
  const took = tookMs(run);
  const result = took === undefined ? label : `${label} after ${duration(took)}`;
  const error = run.error ? `\n${run.error.message.slice(0, 140)}` : '';
  const text = `${result}\n${exactInZones(new Date(run.createdAt), zone)}${error}`;
  return (
    <a class={`${look} tip ${tone}`} href={linkTo('runs', run.id)} aria-label={text} data-tip={text}>
      {children}
    </a>
  );
}

/** Maximum number of runs in a task's `recent_runs`, and number of squares. */
const SHOWN_RUNS = 5;

/** The last five runs of a task as colored squares, the newest at the right. Pads the left with empty squares. */
export function Squares({ task: { recent_runs, timezone = 'UTC' } }: { task: Task }) {
  const runs = recent_runs.slice(0, SHOWN_RUNS).toReversed();
  return (
    <span class="squares">
      {Array.from({ length: SHOWN_RUNS - runs.length }, (_, index) => (
        <span key={index} class="square none" />
      ))}
      {runs.map((run) => (
        <RunLink key={run.id} class="square" run={run} zone={timezone}>
          <Shape tone={lookOf(run.status).tone} />
        </RunLink>
      ))}
    </span>
  );
}
