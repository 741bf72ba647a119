import { InvalidSchedule, parseSchedule } from '../../schedule/cron.ts';
import { fireTimes } from '../../schedule/fire-times.ts';
import { canonicalZone, nearestZones } from '../../schedule/zones.ts';
import { OWN_ZONE, exact, inWords, relative, zoneWords } from './format.ts';
import { useNow } from './time.tsx';

const SHOWN_TIMES = 5;

/** Returns what is wrong with a schedule or its time zone; undefined if both are valid. */
function problemOf(schedule: string, zone: string): string | undefined {
  try {
    parseSchedule(schedule);
  } catch (error) {
    if (error instanceof InvalidSchedule) return `The schedule ${error.message}.`;
    throw error;
  }
  if (canonicalZone(zone) !== undefined) return undefined;
  const nearest = nearestZones(zone);
  return `There is no such time zone. ${nearest.length > 0 ? `Similar: ${nearest.join(', ')}.` : 'Example: Europe/Paris.'}`;
}

function nextTimes(schedule: string, zone: string, now: Date): Date[] {
  const times: Date[] = [];
  for (const at of fireTimes(parseSchedule(schedule), zone, now.getTime())) {
    if (times.push(new Date(at)) === SHOWN_TIMES) break;
  }
  return times;
}

/** Shows a schedule in words and its next fire times, or what is wrong with it, while the user types. */
export function Preview({ schedule, zone }: { schedule: string; zone: string }) {
  const now = useNow();
  const problem = problemOf(schedule, zone);
  return (
    <div class="preview" aria-live="polite">
      {problem ?? (
        <>
          <p>
            <strong>{inWords(schedule)}</strong> <span class="muted">({zoneWords(zone)})</span>
          </p>
          <ol>
            {nextTimes(schedule, zone, now).map((at) => (
              <li key={at.getTime()}>
                <span>{exact(at, zone)}</span>
                {zone !== OWN_ZONE && (
                  <span class="muted">
                    {exact(at, OWN_ZONE)} {zoneWords(OWN_ZONE)}
                  </span>
                )}
                <span class="muted">{relative(at, now)}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}
