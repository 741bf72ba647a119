import type { Occurrence, Run } from '../../client/index.ts';
import { cost, duration, exact, exactInZones, plural, zoneWords } from './format.ts';
import { Facts } from './layout.tsx';
import { RunLink, UNFINISHED, centsOf, lookOf, tookMs } from './status.tsx';

/** An entry in a task's history: a run, or one or more fire times that started no run (a gap). */
export interface Incident {
  key: string;
  at: string;
  run?: Run;
  /** Why the run failed, or why no run started. */
  why?: string;
}

const REASONS: Record<string, string> = {
  overlap: 'an earlier run was not finished',
  queue_full: 'another run was already waiting',
  engine_away: 'no engine was live',
};

/** Explains why fire times started no run, such as `Skipped 2 times: an earlier run was not finished`. */
function gapWords({ outcome, reason = '', count = 1 }: Occurrence): string {
  const many = count > 1 ? ` ${plural(count, 'time')}` : '';
  const why = REASONS[reason] ?? reason;
  return `${outcome === 'missed' ? 'Missed' : 'Skipped'}${many}${why && `: ${why}`}`;
}

/** Merges a task's runs and its fire times without a run into one list, newest first. */
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

/** Success rate, median duration and total cost of runs. The rate ignores canceled and unfinished runs. */
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

function Bar({ incident, longestMs, zone }: { incident: Incident; longestMs: number; zone: string }) {
  const { at, run, why } = incident;
  if (!run) {
    const text = `${why}\n${exactInZones(new Date(at), zone)}`;
    return <span class="bar gap tip" role="img" aria-label={text} data-tip={text} />;
  }
  // A run that ended before it started took no time.
  const took = tookMs(run) ?? (UNFINISHED.includes(run.status) ? longestMs : 0);
  // The height is the square root of the duration, so that short runs stay visible beside long runs.
  return (
    <RunLink class="bar" run={run} zone={zone}>
      <span style={{ height: `${Math.sqrt(took / longestMs) * 100}%` }} />
    </RunLink>
  );
}

/** A chart with a bar for each run, higher for longer runs, and a mark for each gap. The newest is at the right. */
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
        <span>{newest && `Newest: ${exact(new Date(newest.at), zone)} ${zoneWords(zone)}`}</span>
      </figcaption>
    </figure>
  );
}
