import type { ComponentChildren, ComponentType } from 'preact';
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import type { ApiError, CallerResponse, Task } from '../client/index.ts';
import { storeKey, storedKey } from './data/key.ts';
import { linkTo, usePlace } from './data/location.ts';
import { useCaller } from './data/reads.ts';
import { SessionContext, useRight } from './data/service.ts';
import { Empty, titleOf } from './parts/layout.tsx';
import { FormView } from './views/form.tsx';
import { KeyView } from './views/key.tsx';
import { Overview } from './views/overview.tsx';
import { RunView } from './views/run.tsx';
import { TaskView } from './views/task.tsx';
import { WeekView } from './views/week.tsx';

/** The views, by the first part of the path in the address (`#/week` shows WeekView). */
const VIEWS = new Map<string, ComponentType<{ path: string[] }>>([
  ['', Overview],
  ['week', WeekView],
  ['tasks', TaskView],
  ['runs', RunView],
  ['new', () => <FormView />],
]);

/** Whether a read failed because the service is unreachable, overloaded or failing. */
const isOutage = ({ status }: ApiError): boolean => status === undefined || status === 429 || status >= 500;

/** Reports an outage of the service, while the views keep showing the data that they read before the outage. */
function Banner({ outage }: { outage: ApiError | undefined }) {
  const title = navigator.onLine ? outage && titleOf(outage) : 'You are offline';
  return (
    <div class="banner" role="status">
      {outage && <p>{title}. What you see may be out of date; it updates when the service answers again.</p>}
    </div>
  );
}

/** Shows the navigation. Polls the caller's account, rights and engine, and passes them to `onCaller`. */
function Header({ onCaller }: { onCaller: (caller: CallerResponse) => void }) {
  const { data: caller } = useCaller({});
  useEffect(() => caller && onCaller(caller), [caller]);
  const mayWrite = useRight('write');
  const [name = ''] = usePlace().path;
  return (
    <header class="top">
      <nav aria-label="Views">
        {Object.entries({ '': 'Tasks', week: 'Week' }).map(([view, label]) => (
          <a key={view} href={linkTo(view)} aria-current={name === view ? 'page' : undefined}>
            {label}
          </a>
        ))}
      </nav>
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
      {storedKey() !== undefined && (
        <button type="button" class="button" onClick={() => storeKey(undefined)}>
          Sign out
        </button>
      )}
    </header>
  );
}

/** Shows the view at the current address. When the view changes, scrolls to the top and moves the focus to the view. */
function View({ children }: { children: ComponentChildren }) {
  const { path } = usePlace();
  const main = useRef<HTMLElement>(null);
  const address = path.join('/');
  const shown = useRef(address);
  useEffect(() => {
    if (shown.current === address) return;
    shown.current = address;
    window.scrollTo(0, 0);
    // The link that had the focus was removed with the previous view.
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

const addTasks = (known: Map<string, Task>, tasks: Task[]): Map<string, Task> =>
  new Map([...known, ...tasks.map((task) => [task.id, task] as const)]);

function SignedIn({ onRefused }: { onRefused: (isRefused: true) => void }) {
  const [caller, setCaller] = useState<CallerResponse>();
  const [outage, setOutage] = useState<ApiError>();
  const [version, onChange] = useReducer<number, void>((count) => count + 1, 0);
  const [known, learn] = useReducer(addTasks, new Map<string, Task>());
  const onRead = useCallback(
    (failure: ApiError | undefined) => {
      if (failure?.status === 401) onRefused(true);
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
      <Header onCaller={setCaller} />
      <View>
        <Banner outage={caller && outage} />
      </View>
    </SessionContext.Provider>
  );
}

/** The whole page: the views, or the sign-in form if the service needs a key or has rejected the stored key. */
export function Page() {
  const [isRefused, setRefused] = useState(false);
  const hasKey = storedKey() !== undefined;
  const needsKey = document.querySelector('meta[name="api-key"][content="required"]') !== null;
  if (isRefused || (needsKey && !hasKey)) return <KeyView wasRefused={hasKey} />;
  return <SignedIn onRefused={setRefused} />;
}
