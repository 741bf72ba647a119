import { memo } from 'preact/compat';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Task } from '../../client/index.ts';
import { linkTo, setParameters, usePlace } from '../data/location.ts';
import { type TasksQuery, useRuns, useTasks } from '../data/reads.ts';
import { useRight, useSession, visibleTitle } from '../data/service.ts';
import { Picker } from '../parts/fields.tsx';
import { inWords, zoneWords } from '../parts/format.ts';
import { Empty, Pending, useTitle } from '../parts/layout.tsx';
import { Badge, FAILING, Squares, UNFINISHED, runTitle, stateOf } from '../parts/status.tsx';
import { Time } from '../parts/time.tsx';

const PAGE_SIZE = 100;
/** Delay between the last keystroke in the search field and the search. */
const TYPING_MS = 250;

/** The options of the state filter in display order, by their value in the address. */
const STATES = new Map<string, { label: string; query: TasksQuery }>([
  ['', { label: 'All', query: {} }],
  ['failing', { label: 'Failing', query: { last_status: FAILING } }],
  ['running', { label: 'Running', query: { last_status: UNFINISHED } }],
  ['enabled', { label: 'Enabled', query: { enabled: true } }],
  ['paused', { label: 'Paused', query: { enabled: false } }],
]);

type Filters = Partial<Record<'q' | 'state' | 'account_id' | 'artist_account_id', string>>;

const queryOf = ({ q, state = '', account_id, artist_account_id }: Filters): TasksQuery => ({
  runs: 'summary',
  limit: PAGE_SIZE,
  q: q?.trim() || undefined,
  account_id,
  artist_account_id,
  ...STATES.get(state)?.query,
});

const Row = memo(function Row({ task }: { task: Task }) {
  const { id, title, artist_name, schedule, timezone = 'UTC', upcoming } = task;
  const [next] = upcoming;
  const [newest] = task.recent_runs;
  const state = stateOf(task);
  const words = inWords(schedule);
  return (
    <li class="row">
      <span>
        <a class="title" href={linkTo('tasks', id)}>
          {visibleTitle(title, id)}
        </a>
        <span class="muted">{artist_name ?? 'Unnamed artist'}</span>
      </span>
      <span class="when">
        <span title={words}>{words}</span>
        <span class="muted">{zoneWords(timezone)}</span>
      </span>
      <span>
        {next && <Time at={next} zone={timezone} />}
        <span class="muted">{next ? 'Next run' : 'No next run'}</span>
      </span>
      <Squares task={task} />
      <span class="state">
        <Badge {...state} />
        {newest && <Time at={newest.createdAt} zone={timezone} />}
      </span>
      {state.tone === 'bad' && newest?.error && <p class="why">{newest.error.message}</p>}
    </li>
  );
});

/**
 * One page of the task list, and recursively the pages after it. A page far outside the viewport keeps only its height
 * and is not polled, so that thousands of tasks scroll smoothly.
 */
function Rows({ query, isFirst = false }: { query: TasksQuery; isFirst?: boolean }) {
  const ref = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => setNear(entries.some(({ isIntersecting }) => isIntersecting)),
      { rootMargin: '800px' },
    );
    if (ref.current) observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  const { data, failure, retry } = useTasks(near || isFirst ? query : undefined);
  const last = useRef(data);
  const shown = (last.current = data ?? last.current);
  const height = useRef(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    if (near && shown) height.current = element.offsetHeight;
    element.style.minHeight = near ? '' : `${height.current}px`;
  }, [near, shown]);
  const next = shown?.next_cursor;
  const isEmpty = shown?.tasks.length === 0 && next === undefined;
  return (
    <>
      <div ref={ref} class="rows">
        {!shown && <Pending failure={failure} retry={retry} />}
        {near && shown && shown.tasks.length > 0 && (
          <ul>
            {shown.tasks.map((task) => (
              <Row key={task.id} task={task} />
            ))}
          </ul>
        )}
        {isFirst && isEmpty && <NoTasks />}
      </div>
      {next !== undefined && <Rows query={{ ...query, cursor: next }} />}
    </>
  );
}

function NoTasks() {
  const mayWrite = useRight('write');
  if (usePlace().parameters.size === 0) {
    return (
      <Empty title="There are no tasks yet">
        {mayWrite && <a href={linkTo('new')}>Create the first task</a>}
      </Empty>
    );
  }
  return (
    <Empty title="No task matches">
      <button type="button" class="button" onClick={() => setParameters([], {})}>
        Clear search and filters
      </button>
    </Empty>
  );
}

function FilterBar({ filters }: { filters: Filters }) {
  const { caller } = useSession();
  const { q = '', state = '' } = filters;
  const change = (changed: Filters) => setParameters([], { ...filters, ...changed });
  const [typed, setTyped] = useState(q);
  useEffect(() => setTyped(q), [q]);
  useEffect(() => {
    if (typed === q) return;
    const timer = setTimeout(() => change({ q: typed }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const picker = (of: 'artist_account_id' | 'account_id', label: string) => (
    <Picker label={label} of={of} value={filters[of] ?? ''} onPick={(id) => change({ [of]: id })} />
  );
  return (
    <search class="filters">
      <input
        type="search"
        aria-label="Search titles and prompts"
        placeholder="Search titles and prompts"
        maxLength={200}
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      {picker('artist_account_id', 'Artist')}
      {caller?.account_id === null && picker('account_id', 'Owner')}
      <fieldset class="segments">
        <legend class="hidden">State</legend>
        {[...STATES].map(([name, { label }]) => (
          <label key={name}>
            <input
              type="radio"
              name="state"
              checked={state === name}
              onChange={() => change({ state: name })}
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
    </search>
  );
}

/** A link to the newest failed run, because its task may be far down the list or no longer failing. */
function LastFailure({ filters: { account_id, artist_account_id, q } }: { filters: Filters }) {
  const query = { status: FAILING, account_id, limit: 1 };
  const [run] = useRuns(q || artist_account_id ? undefined : query).data?.runs ?? [];
  if (!run) return null;
  return (
    <p class="line latest">
      <span class="muted">Last failure</span>
      <Time at={run.createdAt} />
      <a href={linkTo('runs', run.id)}>{runTitle(run)}</a>
    </p>
  );
}

/** The tasks that match the filters in the address, newest first. */
export function Overview() {
  const { parameters } = usePlace();
  const filters: Filters = Object.fromEntries(parameters);
  const query = queryOf(filters);
  useTitle('Tasks');
  return (
    <>
      <h1 class="hidden">Tasks</h1>
      <FilterBar filters={filters} />
      <LastFailure filters={filters} />
      <Rows key={JSON.stringify(query)} query={query} isFirst />
    </>
  );
}
