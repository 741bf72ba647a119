import { useEffect, useState } from 'preact/hooks';
import {
  type ApiError,
  type Task,
  type UpdateTaskRequest,
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
import { Empty } from '../parts/messages.tsx';
import { Picker } from '../parts/picker.tsx';
import { Preview, scheduleProblem, zoneProblem } from '../parts/preview.tsx';
import { useNow } from '../parts/time.tsx';

/** The fields of the form as they are typed. Empty means the default. */
const EMPTY = {
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

type Values = typeof EMPTY;
type Name = keyof Values;

const PRESETS = [
  ['0 * * * *', 'Every hour'],
  ['0 9 * * *', 'Every day'],
  ['0 9 * * 1-5', 'Weekdays'],
  ['0 9 * * 1', 'Mondays'],
  ['0 9 1 * *', 'Every month'],
] as const;

const OVERLAPS = { '': 'Skip (default)', queue: 'Queue one run', allow: 'Run at the same time' };
const CATCH_UPS = { '': 'The newest one (default)', skip: 'None', all: 'All, up to 100' };
const NUMBER = { pattern: '[0-9]*' };

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

const oneOf = <Option extends string>(text: string, ...options: Option[]): Option | undefined =>
  options.find((option) => option === text);

/** Returns the fields as the service takes them; undefined for the default. */
function fieldsOf(values: Values) {
  const { title, prompt, schedule, timezone, artist_account_id } = values;
  return {
    title,
    prompt,
    schedule,
    timezone,
    artist_account_id,
    account_id: values.account_id || undefined,
    model: values.model.trim() || undefined,
    overlap: oneOf(values.overlap, 'queue', 'allow'),
    catch_up: oneOf(values.catch_up, 'skip', 'all'),
    timeout_seconds: values.timeout_seconds === '' ? undefined : Number(values.timeout_seconds),
    max_attempts: values.max_attempts === '' ? undefined : Number(values.max_attempts),
  };
}

/** Returns the fields that differ between the values; null for the default. */
function changesOf(before: Values, after: Values): Partial<UpdateTaskRequest> {
  const changed = names.filter((name) => before[name] !== after[name]);
  const fields = fieldsOf(after);
  return Object.fromEntries(changed.map((name) => [name, fields[name] ?? null]));
}

/** What some inputs have beside their value. */
interface Given {
  required?: boolean;
  maxLength?: number;
  pattern?: string;
  placeholder?: string;
  class?: string;
  list?: string;
}

type Errors = Partial<Record<Name | 'form', string>>;

/** Sorts what the service found by the fields that it names. */
function errorsOf(failure: ApiError | undefined): Errors {
  if (!failure) return {};
  if (failure.code === 'idempotency_key_reused') {
    return {
      form: 'An earlier attempt created the task, with other values. See the list before you create another.',
    };
  }
  const errors: Errors = {};
  for (const text of failure.message.split(/ (?=Field ")/)) {
    const [, name = '', rest = ''] = /^Field "(\w+)" (.*)$/s.exec(text) ?? [];
    const known = names.find((one) => one === name);
    if (known) errors[known] = `This ${rest}`;
    else errors.form = text;
  }
  return errors;
}

function TaskForm({ task }: { task: Task | undefined }) {
  const { caller, names: known } = useSession();
  const now = useNow();
  const [start] = useState(task ? valuesOf(task) : EMPTY);
  const [values, setValues] = useState(start);
  const save = useAction(async (options) => {
    const { data } = task
      ? await updateTask({ ...options, body: { id: task.id, ...changesOf(start, values) } })
      : await createTask({ ...options, body: fieldsOf(values) });
    const [saved] = data.tasks;
    if (saved) location.hash = linkTo('tasks', saved.id);
  });
  const errors = errorsOf(save.failure);
  const form = useFirstInvalid(save.failure);
  const set = (name: Name) => (value: string) => setValues((old) => ({ ...old, [name]: value }));
  const onInput = (name: Name) => (event: { currentTarget: { value: string } }) =>
    set(name)(event.currentTarget.value);
  const isUnchanged = task !== undefined && names.every((name) => start[name] === values[name]);

  const input = (name: Name, label: string, given: Given = {}, problem?: string, hint?: string) => (
    <Field label={label} hint={hint} error={errors[name] ?? problem}>
      {(attributes) => (
        <input
          type="text"
          {...attributes}
          {...given}
          list={given.list}
          value={values[name]}
          onInput={onInput(name)}
        />
      )}
    </Field>
  );
  const choice = (name: Name, label: string, options: Record<string, string>) => (
    <Field label={label} error={errors[name]}>
      {(attributes) => (
        <select {...attributes} value={values[name]} onChange={onInput(name)}>
          {Object.entries(options).map(([value, words]) => (
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
        {input('title', 'Title', { required: true, maxLength: 200 })}
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
            {input('model', 'Model')}
            {choice('overlap', 'When a run is still active', OVERLAPS)}
            {choice('catch_up', 'Missed runs that catch up', CATCH_UPS)}
            {input('timeout_seconds', 'Time limit of an attempt, in seconds', {
              ...NUMBER,
              placeholder: '3600',
            })}
            {input('max_attempts', 'Attempts', { ...NUMBER, placeholder: '1' })}
          </div>
        </details>
      </div>
      <div class="form card">
        {input(
          'schedule',
          'Schedule',
          { required: true, class: 'mono' },
          scheduleProblem(values.schedule),
          'Minute, hour, day of month, month, day of week',
        )}
        <div class="presets">
          {PRESETS.map(([schedule, label]) => (
            <button key={schedule} type="button" class="button" onClick={() => set('schedule')(schedule)}>
              {label}
            </button>
          ))}
        </div>
        {input('timezone', 'Time zone', { required: true, list: 'zones' }, zoneProblem(values.timezone))}
        <datalist id="zones">
          {Intl.supportedValuesOf('timeZone').map((zone) => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
        <Preview schedule={values.schedule} zone={values.timezone} now={now} />
      </div>
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
    </form>
  );
}

/** Creates a task, or changes the one that is given. */
export function FormView({ task }: { task?: Task }) {
  const { learn } = useSession();
  const mayWrite = useRight('write');
  const title = task ? `Edit ${task.title}` : 'New task';
  useTitle(`${title} – Tasks`);
  // Other tasks tell the names of accounts and artists.
  const { data } = useTasks({ runs: 'summary', limit: 100 });
  useEffect(() => learn([...(task ? [task] : []), ...(data?.tasks ?? [])]), [task, data]);
  return (
    <>
      <div class="heading">
        <h1>{title}</h1>
      </div>
      {mayWrite ? <TaskForm task={task} /> : <Empty title="This key may not create or change tasks" />}
    </>
  );
}
