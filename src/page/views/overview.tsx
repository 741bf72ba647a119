import { memo } from 'preact/compat';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Task } from '../../client/index.ts';
import { linkTo, setParameters, usePlace } from '../data/location.ts';
import { type TasksQuery, useTasks } from '../data/reads.ts';
import { useRight, useSession } from '../data/service.ts';
import { inWords, zoneWords } from '../parts/format.ts';
import { useTitle } from '../parts/layout.tsx';
import { Empty, Failed, Loading } from '../parts/messages.tsx';
import { Picker } from '../parts/picker.tsx';
import { Badge, FAILING, Squares, UNFINISHED, stateOf } from '../parts/status.tsx';
import { Time, useNow } from '../parts/time.tsx';

const PAGE_SIZE = 100;
/** How long after the last key the search starts. */
const TYPING_MS = 250;

/** The filters by state, in their order. */
const STATES = new Map<string, { label: string; query: TasksQuery }>([
  ['', { label: 'All', query: {} }],
  ['failing', { label: 'Failing', query: { last_status: FAILING } }],
  ['running', { label: 'Running', query: { last_status: UNFINISHED } }],
  ['enabled', { label: 'Enabled', query: { enabled: true } }],
  ['paused', { label: 'Paused', query: { enabled: false } }],
]);

interface Filters {
  q: string;
  state: string;
  account: string;
  artist: string;
}

const NO_FILTERS: Filters = { q: '', state: '', account: '', artist: '' };

function queryOf({ q, state, account, artist }: Filters): TasksQuery {
  return {
    runs: 'summary',
    limit: PAGE_SIZE,
    ...(q.trim() !== '' && { q }),
    ...(account !== '' && { account_id: account }),
    ...(artist !== '' && { artist_account_id: artist }),
    ...STATES.get(state)?.query,
  };
}

const Row = memo(function Row({ task, now }: { task: Task; now: Date }) {
  const { id, title, artist_name, schedule, timezone = 'UTC', upcoming } = task;
  const [next] = upcoming;
  const [newest] = task.recent_runs;
  const state = stateOf(task);
  return (
    <li class="row">
      <span class="what">
        <a class="title" href={linkTo('tasks', id)}>
          {title}
        </a>
        {state.tone === 'bad' && newest?.error ? (
          <span class="why">{newest.error.message}</span>
        ) : (
          <span class="muted">{artist_name ?? 'Unnamed artist'}</span>
        )}
      </span>
      <span class="when">
        <span title={inWords(schedule)}>{inWords(schedule)}</span>
        <span class="muted">{zoneWords(timezone)}</span>
      </span>
      <span class="next">
        {next === undefined ? (
          <span class="muted">No next run</span>
        ) : (
          <Time at={next} now={now} zone={timezone} />
        )}
      </span>
      <Squares task={task} />
      <Badge {...state} />
    </li>
  );
});

/** Returns whether an element is near the visible part of the page, and the element's reference. */
function useNear() {
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
  return { ref, near };
}

/**
 * One page of the tasks, and after it the next. A page that is out of sight keeps its height and nothing else, so that
 * thousands of tasks scroll smoothly, and is not polled.
 */
function Rows({ query, now, isFirst = false }: { query: TasksQuery; now: Date; isFirst?: boolean }) {
  const { learn } = useSession();
  const { ref, near } = useNear();
  const { data, failure, retry } = useTasks(near || isFirst ? query : undefined);
  const last = useRef(data);
  const shown = (last.current = data ?? last.current);
  const height = useRef(0);
  useEffect(() => {
    if (data) learn(data.tasks);
  }, [data]);
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
        {!shown && (failure ? <Failed failure={failure} retry={retry} /> : <Loading />)}
        {near && shown && shown.tasks.length > 0 && (
          <ul>
            {shown.tasks.map((task) => (
              <Row key={task.id} task={task} now={now} />
            ))}
          </ul>
        )}
        {isFirst && isEmpty && <NoTasks query={query} />}
      </div>
      {next !== undefined && <Rows query={{ ...query, cursor: next }} now={now} />}
    </>
  );
}

function NoTasks({ query }: { query: TasksQuery }) {
  const isFiltered = Object.keys(query).length > Object.keys(queryOf(NO_FILTERS)).length;
  const mayWrite = useRight('write');
  if (!isFiltered) {
    return (
      <Empty title="There are no tasks yet">{mayWrite && <a href={linkTo('new')}>Create the first</a>}</Empty>
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

function FilterBar({
  filters,
  onChange,
}: {
  filters: Filters;
  onChange: (changed: Partial<Filters>) => void;
}) {
  const { caller, names } = useSession();
  const { artist, account } = filters;
  const pickAccount = (id: string) => onChange({ account: id });
  const [typed, setTyped] = useState(filters.q);
  useEffect(() => setTyped(filters.q), [filters.q]);
  useEffect(() => {
    if (typed === filters.q) return;
    const timer = setTimeout(() => onChange({ q: typed }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
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
      <Picker label="Artist" value={artist} names={names.artists} onPick={(id) => onChange({ artist: id })} />
      {caller?.account_id === null && (
        <Picker label="Account" value={account} names={names.accounts} onPick={pickAccount} />
      )}
      <fieldset class="segments">
        <legend class="hidden">State</legend>
        {[...STATES].map(([state, { label }]) => (
          <label key={state}>
            <input
              type="radio"
              name="state"
              checked={filters.state === state}
              onChange={() => onChange({ state })}
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
    </search>
  );
}

/** All tasks, newest first. */
export function Overview() {
  const { parameters } = usePlace();
  const now = useNow();
  const filters: Filters = { ...NO_FILTERS, ...Object.fromEntries(parameters) };
  const query = queryOf(filters);
  useTitle('Tasks');
  return (
    <>
      <h1 class="hidden">Tasks</h1>
      <FilterBar filters={filters} onChange={(changed) => setParameters([], { ...filters, ...changed })} />
      <Rows key={JSON.stringify(query)} query={query} now={now} isFirst />
    </>
  );
}
