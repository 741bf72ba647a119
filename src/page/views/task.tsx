import { useState } from 'preact/hooks';
import type { Run, Task } from '../../client/index.ts';
import { linkTo } from '../data/location.ts';
import { useOccurrences, useRuns, useTasks } from '../data/reads.ts';
import { TaskActions } from '../parts/acting.tsx';
import { cost, duration, exact, inWords, plural, zoneWords } from '../parts/format.ts';
import { type Incident, gapWords, historyOf, median, successOf } from '../parts/history.ts';
import { Card, Facts, useTitle } from '../parts/layout.tsx';
import { Empty, Failed, Loading } from '../parts/messages.tsx';
import { Badge, lookOf, stateOf, tookMs } from '../parts/status.tsx';
import { Time, useNow } from '../parts/time.tsx';
import { Timeline } from '../parts/timeline.tsx';
import { FormView } from './form.tsx';

const PAGE_SIZE = 50;
const DAY_MS = 86_400_000;
/** Number of days for which gaps before the oldest run are shown. */
const GAP_DAYS = 30;
/** Maximum number of gaps of each kind between the runs of a page. */
const MOST_GAPS = 100;

function Row({ incident, now, zone }: { incident: Incident; now: Date; zone: string }) {
  const run = 'run' in incident ? incident.run : undefined;
  const took = run && tookMs(run);
  const why = 'gap' in incident ? gapWords(incident.gap) : incident.run.error?.message;
  return (
    <li class="item">
      {run ? (
        <a class="title" href={linkTo('runs', run.id)}>
          <Badge {...lookOf(run.status)} />
        </a>
      ) : (
        <Badge tone="gap" label="No run" />
      )}
      <Time at={incident.at} now={now} zone={zone} />
      <span class="number">{took === undefined ? '' : duration(took)}</span>
      <span class="number">{run?.costInCents ? cost(run.costInCents) : ''}</span>
      {why && <span class={run ? 'why' : 'why calm'}>{why}</span>}
    </li>
  );
}

interface HistoryProps {
  task: Task;
  now: Date;
  /** Where the page starts, and the oldest instant of the page before. */
  after?: { cursor: string; instant: string };
}

/** A page of the history of a task, and older ones on request. The first has the chart. */
function History({ task, now, after }: HistoryProps) {
  const { id, timezone: zone = 'UTC' } = task;
  const [longAgo] = useState(() => new Date(Date.now() - GAP_DAYS * DAY_MS).toISOString());
  const [older, setOlder] = useState(false);
  const cursor = after?.cursor;
  const { data, failure, retry } = useRuns({ task_id: id, limit: PAGE_SIZE, ...(cursor && { cursor }) });
  // A list of runs has no errors; the task has those of its last runs.
  const errors = new Map(task.recent_runs.map((run) => [run.id, run.error]));
  const runs = data?.runs.map((run) => ({ ...run, error: errors.get(run.id) })) ?? [];
  const oldest = runs.at(-1)?.createdAt ?? longAgo;
  const from = data?.next_cursor !== undefined || oldest < longAgo ? oldest : longAgo;
  const range = { task_id: id, from, limit: MOST_GAPS, ...(after && { to: after.instant }) };
  const skipped = useOccurrences(data && { ...range, outcome: 'skipped' }).data?.occurrences ?? [];
  const missed = useOccurrences(data && { ...range, outcome: 'missed' }).data?.occurrences ?? [];
  if (!data) return failure ? <Failed failure={failure} retry={retry} /> : <Loading />;
  const history = historyOf(runs, [...skipped, ...missed]);
  return (
    <>
      {!after && (
        <>
          <Summary runs={runs} />
          <Timeline history={history} zone={zone} />
        </>
      )}
      <ul class="list">
        {history.map((incident) => (
          <Row
            key={'run' in incident ? incident.run.id : `${incident.gap.outcome} ${incident.at}`}
            incident={incident}
            now={now}
            zone={zone}
          />
        ))}
      </ul>
      {history.length === 0 && !after && (
        <Empty title="No runs yet">
          <p>{task.upcoming[0] ? `The first run is due ${exact(new Date(task.upcoming[0]), zone)}.` : ''}</p>
        </Empty>
      )}
      {data.next_cursor !== undefined &&
        (older ? (
          <History task={task} now={now} after={{ cursor: data.next_cursor, instant: oldest }} />
        ) : (
          <button type="button" class="button" onClick={() => setOlder(true)}>
            Show older runs
          </button>
        ))}
    </>
  );
}

/** Success and typical duration of the newest runs. */
function Summary({ runs }: { runs: Run[] }) {
  const { succeeded, finished } = successOf(runs);
  const typicalMs = median(runs.flatMap((run) => tookMs(run) ?? []));
  const cents = runs.reduce(
    (sum, { costInCents = 0, baseCostInCents = 0 }) => sum + costInCents + baseCostInCents,
    0,
  );
  if (runs.length === 0) return null;
  const figures = [
    [
      'Succeeded',
      finished ? `${Math.round((succeeded / finished) * 100)} %` : '–',
      `${succeeded} of ${finished}`,
    ],
    ['Typical duration', typicalMs === undefined ? '–' : duration(typicalMs), ''],
    ['Cost', cost(cents), plural(runs.length, 'run')],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, figure, about]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {figure} <span class="muted">{about}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

const OVERLAP = { skip: 'Skip', queue: 'Queue one', allow: 'Allow' } as const;
const CATCH_UP = { skip: 'None', once: 'The newest', all: 'All, up to 100' } as const;

function Settings({ task }: { task: Task }) {
  const { timezone: zone = 'UTC', created_at, updated_at } = task;
  const facts: [string, string | undefined][] = [
    ['Owner', task.owner_email ?? task.account_id],
    ['Artist', task.artist_name ?? task.artist_account_id],
    ['Schedule', `${task.schedule} (${zone})`],
    ['Model', task.model ?? 'Default of the engine'],
    ['While a run is active', OVERLAP[task.overlap ?? 'skip']],
    ['Missed runs that catch up', CATCH_UP[task.catch_up ?? 'once']],
    ['Time limit', duration((task.timeout_seconds ?? 3_600) * 1_000)],
    ['Attempts', String(task.max_attempts ?? 1)],
    ['Problem of the engine', task.engine_problem],
    ['Created', created_at && exact(new Date(created_at), zone)],
    ['Changed', updated_at && exact(new Date(updated_at), zone)],
    ['ID', task.id],
  ];
  return <Facts facts={facts} />;
}

function TaskDetails({ task }: { task: Task }) {
  const now = useNow();
  const { title, schedule, timezone: zone = 'UTC', upcoming } = task;
  useTitle(`${title} – Tasks`);
  return (
    <>
      <div class="heading">
        <div>
          <h1>{title}</h1>
          <p class="line">
            <Badge {...stateOf(task)} />
            <span>{inWords(schedule)}</span>
            <span class="muted">{zoneWords(zone)}</span>
          </p>
        </div>
        <TaskActions task={task} />
      </div>
      <div class="columns">
        <section aria-labelledby="runs">
          <h2 id="runs">Runs</h2>
          <History task={task} now={now} />
        </section>
        <aside aria-label="About the task">
          <Card title="Next runs">
            {upcoming.length === 0 ? (
              <p class="muted">
                {task.enabled === false ? 'The task is paused.' : 'The schedule cannot be read.'}
              </p>
            ) : (
              <ol class="next-runs">
                {upcoming.slice(0, 5).map((at) => (
                  <li key={at}>
                    <Time at={at} now={now} zone={zone} />
                    <span class="muted">{exact(new Date(at), zone)}</span>
                  </li>
                ))}
              </ol>
            )}
          </Card>
          <Card title="Prompt">
            <p class="text">{task.prompt}</p>
          </Card>
          <Card title="Settings">
            <Settings task={task} />
          </Card>
        </aside>
      </div>
    </>
  );
}

/** A task: its runs, what comes next, and its settings; or the form that changes it. */
export function TaskView({ path: [, id = '', edit] }: { path: string[] }) {
  const { data, failure, retry } = useTasks({ id, runs: 'summary' });
  const [task] = data?.tasks ?? [];
  if (task) return edit === 'edit' ? <FormView task={task} /> : <TaskDetails task={task} />;
  if (!data) return failure ? <Failed failure={failure} retry={retry} /> : <Loading />;
  return (
    <Empty level="h1" title="There is no such task">
      <p>It was deleted, or this key cannot see it.</p>
    </Empty>
  );
}
