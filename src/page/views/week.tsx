import { Fragment } from 'preact';
import { memo } from 'preact/compat';
import { linkTo } from '../data/location.ts';
import { useTasks } from '../data/reads.ts';
import { useSession, visibleTitle } from '../data/service.ts';
import { type Day, type Entry, HOURS, longest, useWeek } from '../data/week.ts';
import { OWN_ZONE, exact, plural, zoneWords } from '../parts/format.ts';
import { Card, Heading, Pending, useShown } from '../parts/layout.tsx';
import { useNow } from '../parts/time.tsx';

const FEW_ENTRIES = 8;
const MORE_ENTRIES = 50;
const FEW_TASKS = 3;

const dateFormat = new Intl.DateTimeFormat('en-US', { weekday: 'short', month: 'short', day: 'numeric' });
const timeFormat = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });
const countFormat = new Intl.NumberFormat('en-US', { notation: 'compact' });

const total = (numbers: number[]): number => numbers.reduce((sum, number) => sum + number, 0);

/** Formats the number and range of a task's fire times in a day, such as `18 times, 13:00 – 21:30`. */
function rangeOf(times: Date[]): string {
  const [first = new Date(), last = first] = [times[0], times.at(-1)];
  return `${plural(times.length, 'time')}, ${timeFormat.formatRange(first, last)}`;
}

/** A link with the title of a task. Reads the task if the page has not read it yet. */
function TaskLink({ id }: { id: string }) {
  const task = useSession().known.get(id);
  useTasks(task === undefined ? { id, runs: 'summary' } : undefined);
  return (
    <a class="title" href={linkTo('tasks', id)}>
      {task ? visibleTitle(task.title, id) : '…'}
    </a>
  );
}

/** The time and the tasks of an entry. Folds a list of more than FEW_TASKS tasks. */
function EntryItem({ entry: { at, tasks } }: { entry: Entry }) {
  const { shown, more } = useShown(tasks, FEW_TASKS);
  return (
    <li class="moment">
      {at ? (
        <time dateTime={at.toISOString()}>{timeFormat.format(at)}</time>
      ) : (
        <span class="muted">Often</span>
      )}
      <div class={tasks.length > 1 ? 'together' : ''}>
        {tasks.length > 1 && (
          <span class="muted">{at ? `${tasks.length} at once` : plural(tasks.length, 'task')}</span>
        )}
        {shown.map(({ id, times }) => (
          <Fragment key={id}>
            <TaskLink id={id} />
            {!at && <span class="muted">{rangeOf(times)}</span>}
          </Fragment>
        ))}
        {more}
      </div>
    </li>
  );
}

const DayCard = memo(function DayCard({ day: { start, hours, entries, cutAt } }: { day: Day }) {
  const { shown, more } = useShown(entries, FEW_ENTRIES, MORE_ENTRIES);
  const count = total(hours);
  return (
    <Card title={dateFormat.format(start)}>
      <p class="muted">{count === 0 ? 'Nothing runs' : plural(count, 'run')}</p>
      <ol>
        {shown.map((entry) => (
          <EntryItem key={entry.at?.getTime()} entry={entry} />
        ))}
      </ol>
      {more}
      {cutAt && (
        <p class="muted">
          The list ends at {timeFormat.format(cutAt)}, because it has at most {countFormat.format(count)}{' '}
          runs.
        </p>
      )}
    </Card>
  );
});

/** A heat map of the number of runs in each hour. On wide screens each day is a row; on narrow screens, a column. */
function Density({ days, now }: { days: Day[]; now: Date }) {
  const most = Math.max(1, ...days.flatMap(({ hours }) => hours));
  return (
    <table class="density">
      <caption class="hidden">Runs by day and hour</caption>
      <thead>
        <tr>
          <td />
          {Array.from({ length: HOURS }, (_, hour) => (
            <th key={hour} scope="col">
              {String(hour).padStart(2, '0')}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {days.map(({ start, hours, cutAt }) => (
          <tr key={start.getTime()}>
            <th scope="row">{dateFormat.format(start)}</th>
            {hours.map((count, hour) => (
              <td
                key={hour}
                class={start <= now && hour < now.getHours() ? 'past' : ''}
                style={{ '--share': Math.sqrt(count / most) }}
              >
                {count > 0 && countFormat.format(count)}
                {cutAt && hour >= cutAt.getHours() && <span title="The service lists no later runs">+</span>}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Describes the number of runs in the seven days, and the instant at which the largest number of tasks fire. */
function summaryOf(days: Day[]): string {
  const times = total(days.flatMap(({ hours }) => hours));
  const { length, 0: at } = longest(days.map(({ busiest }) => busiest));
  const overlap = at && length > 1 ? ` Most at once: ${length} tasks on ${exact(at, OWN_ZONE)}.` : '';
  const least = days.some(({ cutAt }) => cutAt) ? 'At least ' : '';
  return `${least}${plural(times, 'run')} in seven days.${overlap} Time zone: ${zoneWords(OWN_ZONE)}.`;
}

/** Shows the upcoming runs of today and the next six days, as a heat map by hour and as a list for each day. */
export function WeekView() {
  const now = useNow();
  const { days, missing } = useWeek(now);
  const listed = useTasks({ runs: 'summary', limit: 100 });
  const waiting = listed.data ? missing : listed;
  return (
    <>
      <Heading title="Week">{!missing && <span class="muted">{summaryOf(days)}</span>}</Heading>
      {listed.data && days.length > 0 && (
        <>
          <Density days={days} now={now} />
          <div class="days">
            {days.map((day) => (
              <DayCard key={day.start.getTime()} day={day} />
            ))}
          </div>
        </>
      )}
      {waiting && <Pending {...waiting} />}
    </>
  );
}
