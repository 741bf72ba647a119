import { InvalidSchedule, parseSchedule } from '../../schedule/cron.ts';
import { fireTimes } from '../../schedule/fire-times.ts';
import { canonicalZone, nearestZones } from '../../schedule/zones.ts';
import { OWN_ZONE, exact, inWords, relative, zoneWords } from './format.ts';
import { useNow } from './time.tsx';

const SHOWN_TIMES = 5;

/** Returns why a schedule cannot be read; undefined if it can. */
export function scheduleProblem(schedule: string): string | undefined {
  try {
    parseSchedule(schedule);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidSchedule) return `The schedule ${error.message}.`;
    throw error;
  }
}

/** Returns why a time zone is unknown; undefined if it is known. */
export function zoneProblem(zone: string): string | undefined {
  if (canonicalZone(zone) !== undefined) return undefined;
  const nearest = nearestZones(zone);
  return `There is no time zone of this name. ${nearest.length > 0 ? `Similar: ${nearest.join(', ')}.` : 'Example: Europe/Paris.'}`;
}

function nextTimes(schedule: string, zone: string, now: Date): Date[] {
  const times: Date[] = [];
  for (const at of fireTimes(parseSchedule(schedule), zone, now.getTime())) {
    if (times.push(new Date(at)) === SHOWN_TIMES) break;
  }
  return times;
}

/** Explains a schedule while the user types it. */
export function Preview({ schedule, zone }: { schedule: string; zone: string }) {
  const now = useNow();
  const known = canonicalZone(zone);
  const isReadable = known !== undefined && scheduleProblem(schedule) === undefined;
  return (
    <div class="preview" aria-live="polite">
      {isReadable ? (
        <>
          <p>
            <strong>{inWords(schedule)}</strong> <span class="muted">({zoneWords(known)})</span>
          </p>
          <ol>
            {nextTimes(schedule, known, now).map((at) => (
              <li key={at.getTime()}>
                <span>{exact(at, known)}</span>
                {known !== OWN_ZONE && (
                  <span class="muted">
                    {exact(at, OWN_ZONE)} {zoneWords(OWN_ZONE)}
                  </span>
                )}
                <span class="muted">{relative(at, now)}</span>
              </li>
            ))}
          </ol>
        </>
      ) : (
        <p class="muted">The next runs appear here when schedule and time zone are complete.</p>
      )}
    </div>
  );
}
