import { useState } from 'preact/hooks';
import type { Task } from '../../client/index.ts';
import { linkTo } from '../data/location.ts';
import { useOccurrences, useRuns, useTasks } from '../data/reads.ts';
import { visibleTitle } from '../data/service.ts';
import { TaskActions } from '../parts/acting.tsx';
import { cost, duration, exact, inWords, zoneWords } from '../parts/format.ts';
import { type Incident, Summary, Timeline, historyOf } from '../parts/history.tsx';
import { Card, Empty, Facts, Heading, Missing, Pending } from '../parts/layout.tsx';
import { Badge, centsOf, lookOf, stateOf, tookMs } from '../parts/status.tsx';
import { Time } from '../parts/time.tsx';
import { CATCH_UPS, FormView, OVERLAPS } from './form.tsx';

const PAGE_SIZE = 50;
const DAY_MS = 86_400_000;
/** The history omits skipped and missed runs that are older than both this many days and the task's oldest run. */
const GAP_DAYS = 30;
/** Maximum number of entries for skipped runs on a page of the history, and also for missed runs. */
const MAX_GAPS = 100;

function Row({ incident: { at, run, why }, zone }: { incident: Incident; zone: string }) {
  const took = run && tookMs(run);
  return (
    <li class="item">
      {run ? (
        <a class="title" href={linkTo('runs', run.id)}>
          <Badge {...lookOf(run.status)} />
        </a>
      ) : (
        <Badge tone="gap" label="No run" />
      )}
      <Time at={at} zone={zone} />
      <span class="number">{took === undefined ? '' : duration(took)}</span>
      <span class="number">{run && centsOf(run) > 0 && cost(centsOf(run))}</span>
      {why && <span class={run && lookOf(run.status).tone === 'bad' ? 'why' : 'why calm'}>{why}</span>}
    </li>
  );
}

interface HistoryProps {
  task: Task;
  /** Cursor of this page, and the instant at which the previous page ended; undefined for the first page. */
  after?: { cursor: string; instant: string };
}

/** A page of a task's history, with a button that adds the next page. The first page also has the chart. */
function History({ task, after }: HistoryProps) {
  const { id, timezone: zone = 'UTC' } = task;
  const [longAgo] = useState(() => new Date(Date.now() - GAP_DAYS * DAY_MS).toISOString());
  const [older, setOlder] = useState(false);
  const cursor = after?.cursor;
  const { data, failure, retry } = useRuns({ task_id: id, limit: PAGE_SIZE, ...(cursor && { cursor }) });
  // A listing of runs omits errors, so take the errors of the last runs from the task.
  const errors = new Map(task.recent_runs.map((run) => [run.id, run.error]));
  const runs = data?.runs.map((run) => ({ ...run, error: errors.get(run.id) })) ?? [];
  const oldest = runs.at(-1)?.createdAt ?? longAgo;
  const from = data?.next_cursor !== undefined || oldest < longAgo ? oldest : longAgo;
  const range = { task_id: id, from, limit: MAX_GAPS, ...(after && { to: after.instant }) };
  const skipped = useOccurrences(data && { ...range, outcome: 'skipped' }).data?.occurrences ?? [];
  const missed = useOccurrences(data && { ...range, outcome: 'missed' }).data?.occurrences ?? [];
  if (!data) return <Pending failure={failure} retry={retry} />;
  const history = historyOf(runs, [...skipped, ...missed]);
  return (
    <>
      {!after && history.length > 0 && (
        <>
          <Summary runs={runs} />
          <Timeline history={history} zone={zone} />
        </>
      )}
      <ul class="list">
        {history.map((incident) => (
          <Row key={incident.key} incident={incident} zone={zone} />
        ))}
      </ul>
      {history.length === 0 && !after && (
        <Empty title="No runs yet">
          <p>{task.upcoming[0] ? `The first run is due ${exact(new Date(task.upcoming[0]), zone)}.` : ''}</p>
        </Empty>
      )}
      {data.next_cursor !== undefined &&
        (older ? (
          <History task={task} after={{ cursor: data.next_cursor, instant: oldest }} />
        ) : (
          <button type="button" class="button" onClick={() => setOlder(true)}>
            Show older runs
          </button>
        ))}
    </>
  );
}

function TaskDetails({ task }: { task: Task }) {
  const { title, schedule, timezone: zone = 'UTC', upcoming, created_at, updated_at } = task;
  return (
    <>
      <Heading title={visibleTitle(title, task.id)} actions={<TaskActions task={task} />}>
        <Badge {...stateOf(task)} />
        <span>{inWords(schedule)}</span>
        <span class="muted">{zoneWords(zone)}</span>
      </Heading>
      <div class="columns">
        <section aria-labelledby="runs">
          <h2 id="runs">Runs</h2>
          <History task={task} />
        </section>
        <aside aria-label="About the task">
          <Card title={`Next runs, ${zoneWords(zone)} time`}>
            {upcoming.length === 0 ? (
              <p class="muted">
                {task.enabled === false ? 'The task is paused.' : 'The schedule has no next run.'}
              </p>
            ) : (
              <ol class="next-runs">
                {upcoming.slice(0, 5).map((at) => (
                  <li key={at}>
                    <Time at={at} zone={zone} />
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
            <Facts
              facts={[
                ['Owner', task.owner_email ?? task.account_id],
                ['Artist', task.artist_name ?? task.artist_account_id],
                ['Schedule', `${task.schedule} (${zone})`],
                ['Model', task.model ?? 'The engine’s default'],
                ['When a run is still active', OVERLAPS[task.overlap ?? 'skip']],
                ['Missed runs that catch up', CATCH_UPS[task.catch_up ?? 'once']],
                ['Time limit', duration((task.timeout_seconds ?? 3_600) * 1_000)],
                ['Attempts', String(task.max_attempts ?? 1)],
                ['Engine problem', task.engine_problem],
                ['Created', created_at && exact(new Date(created_at), zone)],
                ['Changed', updated_at && exact(new Date(updated_at), zone)],
                ['ID', task.id],
              ]}
            />
          </Card>
        </aside>
      </div>
    </>
  );
}

/** Shows a task with its runs, next fire times and settings, or the form that changes the task. */
export function TaskView({ path: [, id = '', edit] }: { path: string[] }) {
  const { data, failure, retry } = useTasks({ id, runs: 'summary' });
  const [task] = data?.tasks ?? [];
  if (task) return edit === 'edit' ? <FormView task={task} /> : <TaskDetails task={task} />;
  return data ? <Missing what="task" /> : <Pending failure={failure} retry={retry} />;
}
