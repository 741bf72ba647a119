import type { Occurrence, Run } from '../../client/index.ts';
import { linkTo } from '../data/location.ts';
import { cost, duration, exact, exactInZones, plural } from './format.ts';
import { Facts } from './layout.tsx';
import { centsOf, lookOf, summaryOf, tookMs } from './status.tsx';

/** Something that happened to a task: a run, or a fire time that made none. */
export interface Incident {
  key: string;
  at: string;
  run?: Run;
  /** Why the run failed, or why there was none. */
  why?: string;
}

const REASONS: Record<string, string> = {
  overlap: 'an earlier run was not finished',
  queue_full: 'another run was waiting already',
  engine_away: 'no engine was live',
};

/** Returns why fire times made no run, such as `Skipped: an earlier run was not finished`. */
function gapWords({ outcome, reason = '', count = 1 }: Occurrence): string {
  const many = count > 1 ? ` ${plural(count, 'time')}` : '';
  const why = REASONS[reason] ?? reason;
  return `${outcome === 'missed' ? 'Missed' : 'Skipped'}${many}${why && `: ${why}`}`;
}

/** Merges runs and gaps, the newest first. */
export function historyOf(runs: Run[], gaps: Occurrence[]): Incident[] {
  const incidents: Incident[] = [
    ...runs.map((run) => ({ key: run.id, at: run.createdAt, run, why: run.error?.message })),
    ...gaps.map((gap) => ({
      key: `${gap.outcome} ${gap.scheduled_at}`,
      at: gap.scheduled_at,
      why: gapWords(gap),
    })),
  ];
  return incidents.toSorted((one, other) => Date.parse(other.at) - Date.parse(one.at));
}

/** Success, typical duration and cost of runs. Canceled runs count as neither success nor failure. */
export function Summary({ runs }: { runs: Run[] }) {
  const tones = runs.map(({ status }) => lookOf(status).tone);
  const succeeded = tones.filter((tone) => tone === 'ok').length;
  const finished = succeeded + tones.filter((tone) => tone === 'bad').length;
  const times = runs.flatMap((run) => tookMs(run) ?? []).toSorted((one, other) => one - other);
  const median = times[Math.floor(times.length / 2)];
  const cents = runs.map(centsOf).reduce((sum, part) => sum + part, 0);
  const share = Math.round((succeeded / finished) * 100);
  const figure = (main: string, about: string) => (
    <>
      {main} <span class="muted">{about}</span>
    </>
  );
  return (
    <Facts
      look="figures"
      facts={[
        ['Succeeded', finished > 0 && figure(`${share} %`, `${succeeded} of ${finished}`)],
        ['Typical duration', median !== undefined && duration(median)],
        ['Cost', figure(cost(cents), plural(runs.length, 'run'))],
      ]}
    />
  );
}

/** Height of the shortest run, in percent of the full height. */
const LEAST_HEIGHT = 10;

function Bar({ incident, longestMs, zone }: { incident: Incident; longestMs: number; zone: string }) {
  const { at, run, why } = incident;
  if (!run) {
    const text = `${why}\n${exactInZones(new Date(at), zone)}`;
    return <span class="bar gap tip" role="img" aria-label={text} data-tip={text} />;
  }
  const { tone } = lookOf(run.status);
  const took = tookMs(run);
  // The square root keeps short runs visible beside long ones.
  const share = took === undefined ? 1 : Math.sqrt(took / longestMs);
  const text = summaryOf(run, zone);
  return (
    <a class={`bar tip ${tone}`} href={linkTo('runs', run.id)} aria-label={text} data-tip={text}>
      <span style={{ height: `${Math.max(LEAST_HEIGHT, share * 100)}%` }} />
    </a>
  );
}

/** Runs as bars by their duration, and gaps between them, the newest at the right. */
export function Timeline({ history, zone }: { history: Incident[]; zone: string }) {
  const times = history.flatMap(({ run }) => (run && tookMs(run)) ?? []);
  const longestMs = Math.max(1, ...times);
  const [newest] = history;
  return (
    <figure class="timeline">
      <div class="bars">
        {history.map((incident) => (
          <Bar key={incident.key} incident={incident} longestMs={longestMs} zone={zone} />
        ))}
      </div>
      <figcaption>
        <span>{times.length > 0 && `Longest: ${duration(longestMs)}`}</span>
        <span>{newest && `Newest: ${exact(new Date(newest.at), zone)}`}</span>
      </figcaption>
    </figure>
  );
}
