import { useEffect, useState } from 'preact/hooks';
import {
  type ApiError,
  type CreateTaskRequest,
  type Task,
  createTask,
  updateTask,
} from '../../client/index.ts';
import { useAction } from '../data/action.ts';
import { linkTo } from '../data/location.ts';
import { useTasks } from '../data/reads.ts';
import { useRight, useSession } from '../data/service.ts';
import { Field, useFirstInvalid } from '../parts/fields.tsx';
import { OWN_ZONE } from '../parts/format.ts';
import { useTitle } from '../parts/layout.tsx';
import { Empty, Failed, Loading } from '../parts/messages.tsx';
import { Picker } from '../parts/picker.tsx';
import { Preview, scheduleProblem, zoneProblem } from '../parts/preview.tsx';
import { useNow } from '../parts/time.tsx';

/** The fields of the form as they are typed. Empty means the default. */
interface Values {
  title: string;
  prompt: string;
  schedule: string;
  timezone: string;
  artist_account_id: string;
  account_id: string;
  model: string;
  overlap: string;
  catch_up: string;
  timeout_seconds: string;
  max_attempts: string;
}

type Name = keyof Values;

const EMPTY: Values = {
  title: '',
  prompt: '',
  schedule: '0 9 * * *',
  timezone: OWN_ZONE,
  artist_account_id: '',
  account_id: '',
  model: '',
  overlap: '',
  catch_up: '',
  timeout_seconds: '',
  max_attempts: '',
};

const PRESETS = [
  ['0 * * * *', 'Every hour'],
  ['0 9 * * *', 'Every day'],
  ['0 9 * * 1-5', 'Weekdays'],
  ['0 9 * * 1', 'Mondays'],
  ['0 9 1 * *', 'Every month'],
] as const;

const OVERLAPS = [
  ['', 'Skip (default)'],
  ['queue', 'Queue one run'],
  ['allow', 'Run at the same time'],
] as const;

const CATCH_UPS = [
  ['', 'The newest one (default)'],
  ['skip', 'None'],
  ['all', 'All, up to 100'],
] as const;

const names = Object.keys(EMPTY).filter((name): name is Name => name in EMPTY);

function valuesOf(task: Task): Values {
  return {
    title: task.title,
    prompt: task.prompt,
    schedule: task.schedule,
    timezone: task.timezone ?? 'UTC',
    artist_account_id: task.artist_account_id,
    account_id: task.account_id,
    model: task.model ?? '',
    overlap: task.overlap === 'skip' ? '' : (task.overlap ?? ''),
    catch_up: task.catch_up === 'once' ? '' : (task.catch_up ?? ''),
    timeout_seconds: String(task.timeout_seconds ?? ''),
    max_attempts: String(task.max_attempts ?? ''),
  };
}

const numberOrNull = (text: string): number | null => (text === '' ? null : Number(text));
const oneOf = <Option extends string>(text: string, ...options: Option[]): Option | null =>
  options.find((option) => option === text) ?? null;

/** Returns the fields as the service takes them; null for the default. */
function fieldsOf(values: Values) {
  return {
    title: values.title,
    prompt: values.prompt,
    schedule: values.schedule,
    timezone: values.timezone,
    artist_account_id: values.artist_account_id,
    model: values.model.trim() || null,
    overlap: oneOf(values.overlap, 'queue', 'allow'),
    catch_up: oneOf(values.catch_up, 'skip', 'all'),
    timeout_seconds: numberOrNull(values.timeout_seconds),
    max_attempts: numberOrNull(values.max_attempts),
  };
}

/** Returns the body that creates a task: only what differs from the defaults. */
function creationOf(values: Values): CreateTaskRequest {
  const { overlap, catch_up, timeout_seconds, max_attempts, ...fields } = fieldsOf(values);
  return {
    ...fields,
    ...(values.account_id !== '' && { account_id: values.account_id }),
    ...(overlap !== null && { overlap }),
    ...(catch_up !== null && { catch_up }),
    ...(timeout_seconds !== null && { timeout_seconds }),
    ...(max_attempts !== null && { max_attempts }),
  };
}

/** Returns the fields that differ between the values. */
function changesOf(before: Values, after: Values): Partial<ReturnType<typeof fieldsOf>> {
  const changed = names.filter((name) => before[name] !== after[name]);
  return Object.fromEntries(
    Object.entries(fieldsOf(after)).filter(([name]) => changed.some((one) => one === name)),
  );
}

type Errors = Partial<Record<Name | 'form', string>>;

/** Sorts what the service found by the fields that it names. */
function errorsOf(failure: ApiError | undefined): Errors {
  if (!failure) return {};
  const errors: Errors = {};
  for (const text of failure.message.split(/ (?=Field ")/)) {
    const [, name = '', rest = ''] = /^Field "(\w+)" (.*)$/s.exec(text) ?? [];
    const known = names.find((one) => one === name);
    if (known) errors[known] = `This ${rest}`;
    else errors.form = text;
  }
  return errors;
}

function TaskForm({ task }: { task?: Task }) {
  const { caller, names: known } = useSession();
  const now = useNow();
  const before = task ? valuesOf(task) : EMPTY;
  const [start] = useState(before);
  const [values, setValues] = useState(start);
  const save = useAction(async (options) => {
    const { data } = task
      ? await updateTask({ ...options, body: { id: task.id, ...changesOf(start, values) } })
      : await createTask({ ...options, body: creationOf(values) });
    const [saved] = data.tasks;
    if (saved) location.hash = linkTo('tasks', saved.id);
  });
  const errors = errorsOf(save.failure);
  const form = useFirstInvalid(save.failure);
  const set = (name: Name) => (value: string) => setValues((old) => ({ ...old, [name]: value }));
  const onInput = (name: Name) => (event: { currentTarget: { value: string } }) =>
    set(name)(event.currentTarget.value);
  const isUnchanged = task !== undefined && names.every((name) => start[name] === values[name]);

  const text = (name: Name, label: string, limits: { required?: boolean; maxLength?: number } = {}) => (
    <Field label={label} error={errors[name]}>
      {(attributes) => (
        <input type="text" {...attributes} {...limits} value={values[name]} onInput={onInput(name)} />
      )}
    </Field>
  );
  const number = (name: Name, label: string, max: number, hint: string) => (
    <Field label={label} hint={hint} error={errors[name]}>
      {(attributes) => (
        <input type="number" {...attributes} min={1} max={max} value={values[name]} onInput={onInput(name)} />
      )}
    </Field>
  );
  const choice = (name: Name, label: string, options: readonly (readonly [string, string])[]) => (
    <Field label={label} error={errors[name]}>
      {(attributes) => (
        <select {...attributes} value={values[name]} onChange={onInput(name)}>
          {options.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
  const account = (name: 'artist_account_id' | 'account_id', label: string, options: Map<string, string>) => (
    <Field label={label} hint="Choose a name, or enter an account ID." error={errors[name]}>
      {(attributes) => (
        <Picker attributes={attributes} required value={values[name]} names={options} onPick={set(name)} />
      )}
    </Field>
  );

  return (
    <form
      ref={form}
      class="form columns"
      onSubmit={(event) => {
        event.preventDefault();
        void save.run();
      }}
    >
      <div class="form card">
        {text('title', 'Title', { required: true, maxLength: 200 })}
        <Field label="Prompt" error={errors.prompt}>
          {(attributes) => (
            <textarea {...attributes} required rows={6} value={values.prompt} onInput={onInput('prompt')} />
          )}
        </Field>
        {account('artist_account_id', 'Artist', known.artists)}
        {!task && caller?.account_id === null && account('account_id', 'Owner', known.accounts)}
        <details>
          <summary>Model, overlap, missed runs and limits</summary>
          <div class="form">
            {text('model', 'Model')}
            {choice('overlap', 'When a run is still active', OVERLAPS)}
            {choice('catch_up', 'Missed runs that catch up', CATCH_UPS)}
            {number('timeout_seconds', 'Time limit of an attempt, in seconds', 86_400, 'Default: 3600')}
            {number('max_attempts', 'Attempts', 10, 'Default: 1')}
          </div>
        </details>
        <div class="actions">
          <button type="submit" class="button primary" disabled={save.busy || isUnchanged}>
            {task ? 'Save changes' : 'Create task'}
          </button>
          <a class="button" href={task ? linkTo('tasks', task.id) : linkTo()}>
            Cancel
          </a>
          <span class="error" role="alert">
            {errors.form}
          </span>
        </div>
      </div>
      <div class="form card">
        <Field
          label="Schedule"
          hint="Minute, hour, day of month, month, day of week"
          error={errors.schedule ?? scheduleProblem(values.schedule)}
        >
          {(attributes) => (
            <input
              type="text"
              class="mono"
              {...attributes}
              required
              spellcheck={false}
              value={values.schedule}
              onInput={onInput('schedule')}
            />
          )}
        </Field>
        <div class="presets">
          {PRESETS.map(([schedule, label]) => (
            <button key={schedule} type="button" class="button" onClick={() => set('schedule')(schedule)}>
              {label}
            </button>
          ))}
        </div>
        <Field label="Time zone" error={errors.timezone ?? zoneProblem(values.timezone)}>
          {(attributes) => (
            <>
              <input
                type="text"
                {...attributes}
                required
                list="zones"
                value={values.timezone}
                onInput={onInput('timezone')}
              />
              <datalist id="zones">
                {Intl.supportedValuesOf('timeZone').map((zone) => (
                  <option key={zone} value={zone} />
                ))}
              </datalist>
            </>
          )}
        </Field>
        <Preview schedule={values.schedule} zone={values.timezone} now={now} />
      </div>
    </form>
  );
}

/** Creates a task. */
export function NewTask() {
  const { learn } = useSession();
  const mayWrite = useRight('write');
  useTitle('New task – Tasks');
  // Other tasks tell the names of accounts and artists.
  const { data } = useTasks({ runs: 'summary', limit: 100 });
  useEffect(() => {
    if (data) learn(data.tasks);
  }, [data]);
  return (
    <>
      <div class="heading">
        <h1>New task</h1>
      </div>
      {mayWrite ? <TaskForm /> : <Empty title="This key may not create tasks" />}
    </>
  );
}

/** Changes a task. */
export function EditTask({ id }: { id: string }) {
  const { learn } = useSession();
  const mayWrite = useRight('write');
  const { data, failure, retry } = useTasks({ id, runs: 'summary' });
  const [task] = data?.tasks ?? [];
  useTitle(`Edit ${task?.title ?? 'task'} – Tasks`);
  useEffect(() => {
    if (task) learn([task]);
  }, [task]);
  if (!data) return failure ? <Failed failure={failure} retry={retry} /> : <Loading />;
  if (!task) return <Empty title="There is no such task" />;
  return (
    <>
      <div class="heading">
        <h1>Edit {task.title}</h1>
      </div>
      {mayWrite ? <TaskForm task={task} /> : <Empty title="This key may not change tasks" />}
    </>
  );
}
