import { CronExpressionParser } from 'cron-parser';

/** A schedule or time zone that cannot be read. */
export class UnreadableSchedule extends Error {
  constructor(cron: string, timezone: string, cause: unknown) {
    super(`No fire times can be computed for the schedule "${cron}" in the time zone "${timezone}".`, {
      cause,
    });
    this.name = 'UnreadableSchedule';
  }
}

const FIELDS = 5;

/** cron-parser also reads Jenkins' H, "any value, but always the same", and draws it anew at each parse. */
const HASHED = /(^|[\s,])H([\s,(/]|$)/i;

/**
 * Whether a name is one of the IANA's time zones that this node knows. cron-parser also takes offsets, and `local` and
 * `system`, which mean the server's own zone.
 */
export function isIanaName(timezone: string): boolean {
  if (!/^[A-Za-z]/.test(timezone)) return false;
  try {
    return Intl.DateTimeFormat('en', { timeZone: timezone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/**
 * The fire times after an instant, one by one: pure, and the same whether asked for at once or one after the other. The
 * rule for daylight-saving time is in openapi.yaml, Task.upcoming.
 * @param cron five fields; cron-parser alone would take fewer, filling up with defaults nobody wrote.
 * @param timezone IANA name.
 * @param from exclusive.
 * @returns instants, ascending, without end.
 * @throws UnreadableSchedule
 */
export function* fireTimesAfter(
  cron: string,
  timezone: string,
  from: Date,
): Generator<Date, never, undefined> {
  try {
    if (cron.trim().split(/\s+/).length !== FIELDS) throw new Error(`A schedule has ${FIELDS} fields.`);
    if (!isIanaName(timezone)) throw new Error('The time zone is not an IANA name.');
    if (HASHED.test(cron)) throw new Error('H has no fixed value.');
    const expression = CronExpressionParser.parse(cron, { currentDate: from, tz: timezone });
    for (;;) yield expression.next().toDate();
  } catch (error) {
    throw new UnreadableSchedule(cron, timezone, error);
  }
}
