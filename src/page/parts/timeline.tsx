import { linkTo } from '../data/location.ts';
import { duration, exact, exactInZones } from './format.ts';
import { type Incident, gapWords } from './history.ts';
import { lookOf, summaryOf, tookMs } from './status.tsx';

/** Height of the shortest run, in percent of the full height. */
const LEAST_HEIGHT = 10;

function Bar({ incident, longestMs, zone }: { incident: Incident; longestMs: number; zone: string }) {
  if ('gap' in incident) {
    const text = `${gapWords(incident.gap)}\n${exactInZones(new Date(incident.at), zone)}`;
    return <span class="bar gap tip" role="img" aria-label={text} data-tip={text} />;
  }
  const { run } = incident;
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
  const times = history.flatMap((incident) => ('run' in incident ? (tookMs(incident.run) ?? []) : []));
  const longestMs = Math.max(1, ...times);
  const [newest] = history;
  const oldest = history.at(-1);
  if (!newest || !oldest) return null;
  return (
    <figure class="timeline">
      <div class="bars">
        {history.map((incident) => (
          <Bar
            key={'run' in incident ? incident.run.id : incident.at}
            incident={incident}
            longestMs={longestMs}
            zone={zone}
          />
        ))}
      </div>
      <figcaption>
        <span>Longest: {duration(longestMs)}</span>
        <span>Newest: {exact(new Date(newest.at), zone)}</span>
      </figcaption>
    </figure>
  );
}
