import type { ComponentChildren, ComponentType } from 'preact';
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import type { ApiError, CallerResponse, Task } from '../client/index.ts';
import { keptKey, signOut } from './data/key.ts';
import { linkTo, usePlace } from './data/location.ts';
import { useCaller } from './data/reads.ts';
import { SessionContext, useRight, useSession } from './data/service.ts';
import { Empty, titleOf } from './parts/layout.tsx';
import { FormView } from './views/form.tsx';
import { KeyView } from './views/key.tsx';
import { Overview } from './views/overview.tsx';
import { RunView } from './views/run.tsx';
import { TaskView } from './views/task.tsx';
import { WeekView } from './views/week.tsx';

/** The views by the first part of the address. */
const VIEWS = new Map<string, ComponentType<{ path: string[] }>>([
  ['', Overview],
  ['week', WeekView],
  ['tasks', TaskView],
  ['runs', RunView],
  ['new', () => <FormView />],
]);

/** Whether the service is unreachable or unable to answer. */
const isOutage = ({ status }: ApiError): boolean => status === undefined || status === 429 || status >= 500;

/** Reports a lost connection, while older data stays in view. */
function Banner({ outage }: { outage: ApiError | undefined }) {
  const title = navigator.onLine ? outage && titleOf(outage) : 'You are offline';
  return (
    <div class="banner" role="status">
      {outage && <p>{title}. What you see may be out of date; it updates when the connection is back.</p>}
    </div>
  );
}

function Header() {
  const { caller } = useSession();
  const mayWrite = useRight('write');
  const [name = ''] = usePlace().path;
  return (
    <header class="top">
      <nav aria-label="Views">
        <a href={linkTo()} aria-current={name === '' ? 'page' : undefined}>
          Tasks
        </a>
        <a href={linkTo('week')} aria-current={name === 'week' ? 'page' : undefined}>
          Week
        </a>
      </nav>
      <span class="grow" />
      {caller && (
        <span class="engine muted">
          {caller.engine === null ? 'No engine is live' : `Engine: ${caller.engine}`}
        </span>
      )}
      <a href="/docs">API</a>
      {mayWrite && (
        <a class="button" href={linkTo('new')}>
          New task
        </a>
      )}
      {keptKey() !== undefined && (
        <button type="button" class="button" onClick={signOut}>
          Sign out
        </button>
      )}
    </header>
  );
}

/** The view that the address names. */
function View({ children }: { children: ComponentChildren }) {
  const { path } = usePlace();
  const main = useRef<HTMLElement>(null);
  const address = path.join('/');
  const shown = useRef(address);
  useEffect(() => {
    if (shown.current === address) return;
    shown.current = address;
    window.scrollTo(0, 0);
    // Otherwise the focus stays at the link of the view that is gone.
    main.current?.focus();
  }, [address]);
  const Found = VIEWS.get(path[0] ?? '');
  return (
    <main tabIndex={-1} ref={main}>
      {children}
      {Found ? (
        <Found key={address} path={path} />
      ) : (
        <Empty level="h1" title="There is no such view">
          <p>
            Go to the <a href={linkTo()}>tasks</a>.
          </p>
        </Empty>
      )}
    </main>
  );
}

/** Reads at intervals who the caller is. */
function CallerWatch({ onCaller }: { onCaller: (caller: CallerResponse) => void }) {
  const { data } = useCaller({});
  useEffect(() => {
    if (data) onCaller(data);
  }, [data, onCaller]);
  return null;
}

const addTasks = (known: Map<string, Task>, tasks: Task[]): Map<string, Task> =>
  new Map([...known, ...tasks.map((task) => [task.id, task] as const)]);

function SignedIn({ onRefused }: { onRefused: (refusal: ApiError) => void }) {
  const [caller, setCaller] = useState<CallerResponse>();
  const [outage, setOutage] = useState<ApiError>();
  const [version, onChange] = useReducer<number, void>((count) => count + 1, 0);
  const [known, learn] = useReducer(addTasks, new Map<string, Task>());
  const onRead = useCallback(
    (failure: ApiError | undefined) => {
      if (failure?.status === 401) onRefused(failure);
      else setOutage(failure && isOutage(failure) ? failure : undefined);
    },
    [onRefused],
  );
  const session = useMemo(
    () => ({ caller, version, known, learn, onChange, onRead }),
    [caller, version, known, onRead],
  );
  return (
    <SessionContext.Provider value={session}>
      <CallerWatch onCaller={setCaller} />
      <Header />
      <View>
        <Banner outage={caller && outage} />
      </View>
    </SessionContext.Provider>
  );
}

/** Whether the page's `api-key` meta tag says that every request needs a key. */
const keyRequired = (): boolean =>
  document.querySelector('meta[name="api-key"]')?.getAttribute('content') === 'required';

/** The page: the views, or the question for a key. */
export function Page() {
  const [refusal, setRefusal] = useState<ApiError>();
  const hasKey = keptKey() !== undefined;
  if (refusal || (!hasKey && keyRequired())) return <KeyView refusal={hasKey ? refusal : undefined} />;
  return <SignedIn onRefused={setRefusal} />;
}
