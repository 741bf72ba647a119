import type { InputHTMLAttributes } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type ApiError, type Task, createTask, updateTask } from '../../client/index.ts';
import { useAction } from '../data/action.ts';
import { linkTo } from '../data/location.ts';
import { useTasks } from '../data/reads.ts';
import { useRight, useSession, visibleTitle } from '../data/service.ts';
import { Field, Picker } from '../parts/fields.tsx';
import { OWN_ZONE } from '../parts/format.ts';
import { Empty, Heading } from '../parts/layout.tsx';
import { Preview } from '../parts/preview.tsx';

/** Returns the values of the form's inputs for a task, or for a new task. An empty value means the default. */
const valuesOf = (task?: Task) => ({
  title: task?.title ?? '',
  prompt: task?.prompt ?? '',
  schedule: task?.schedule ?? '0 9 * * *',
  timezone: task ? (task.timezone ?? 'UTC') : OWN_ZONE,
  artist_account_id: task?.artist_account_id ?? '',
  account_id: task?.account_id ?? '',
  model: task?.model ?? '',
  overlap: String(task?.overlap ?? 'skip'),
  catch_up: String(task?.catch_up ?? 'once'),
  timeout_seconds: String(task?.timeout_seconds ?? ''),
  max_attempts: String(task?.max_attempts ?? ''),
});

type Values = ReturnType<typeof valuesOf>;
type Name = keyof Values;

const EMPTY = valuesOf();
const names = Object.keys(EMPTY).filter((name): name is Name => name in EMPTY);

const PRESETS = [
  ['0 * * * *', 'Every hour'],
  ['0 9 * * *', 'Every day'],
  ['0 9 * * 1-5', 'Weekdays'],
  ['0 9 * * 1', 'Mondays'],
  ['0 9 1 * *', 'Every month'],
] as const;

export const OVERLAPS = { skip: 'Skip the new run', queue: 'Queue one run', allow: 'Run at the same time' };
export const CATCH_UPS = { once: 'The newest one', skip: 'None', all: 'All, up to 100' };

const oneOf = <Option extends string>(text: string, ...options: Option[]): Option | undefined =>
  options.find((option) => option === text);

/** Converts the values of the inputs to fields of the API, where undefined means the default. */
const fieldsOf = (values: Values) => ({
  ...values,
  account_id: values.account_id || undefined,
  model: values.model.trim() || undefined,
  overlap: oneOf(values.overlap, 'skip', 'queue', 'allow'),
  catch_up: oneOf(values.catch_up, 'skip', 'once', 'all'),
  timeout_seconds: values.timeout_seconds === '' ? undefined : Number(values.timeout_seconds),
  max_attempts: values.max_attempts === '' ? undefined : Number(values.max_attempts),
});

const VISIBLE = { pattern: '.*[^\\p{Z}\\p{C}].*', title: 'At least one visible character' };
const DIGITS = { pattern: '[0-9]*', title: 'A whole number' };

type Errors = Partial<Record<Name | 'form', string>>;

/** Splits the service's error message by the fields that it names. The rest is the error of the whole form. */
function errorsOf(failure: ApiError | undefined): Errors {
  if (!failure) return {};
  if (failure.code === 'idempotency_key_reused') {
    return {
      form: 'An earlier attempt was saved, with other values. Check the list of tasks before you save again.',
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
  const { caller } = useSession();
  const [start] = useState(() => valuesOf(task));
  const [values, setValues] = useState(start);
  const changed = names.filter((name) => start[name] !== values[name]);
  const save = useAction(async (options) => {
    const fields = fieldsOf(values);
    // In an update, null resets a field to its default.
    const changes = Object.fromEntries(changed.map((name) => [name, fields[name] ?? null]));
    const { data } = task
      ? await updateTask({ ...options, body: { id: task.id, ...changes } })
      : await createTask({ ...options, body: fields });
    const [saved] = data.tasks;
    if (saved) location.hash = linkTo('tasks', saved.id);
  });
  const errors = errorsOf(save.failure);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [save.failure]);
  const set = (name: Name) => (value: string) => setValues((old) => ({ ...old, [name]: value }));
  const bind = (name: Name) => ({
    value: values[name],
    onInput: (event: { currentTarget: { value: string } }) => set(name)(event.currentTarget.value),
  });

  const text = (name: Name, label: string, attributes?: InputHTMLAttributes, hint?: string) => (
    <Field label={label} hint={hint} error={errors[name]}>
      {(control) => <input type="text" {...control} {...bind(name)} {...attributes} />}
    </Field>
  );
  const choice = (name: Name, label: string, options: Record<string, string>) => (
    <Field label={label} error={errors[name]}>
      {(control) => (
        <select {...control} {...bind(name)}>
          {Object.entries(options).map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
  const account = (name: 'artist_account_id' | 'account_id', label: string) => (
    <Field label={label} hint="Choose a name, or enter an account ID." error={errors[name]}>
      {(control) => <Picker control={control} of={name} value={values[name]} required onPick={set(name)} />}
    </Field>
  );

  return (
    <form
      ref={form}
      class="form columns"
      onInput={save.forget}
      onSubmit={(event) => {
        event.preventDefault();
        void save.run();
      }}
    >
      <div class="form card">
        {text('title', 'Title', { ...VISIBLE, required: true, maxLength: 200 })}
        <Field label="Prompt" error={errors.prompt}>
          {(control) => <textarea {...control} {...bind('prompt')} required rows={6} />}
        </Field>
        {account('artist_account_id', 'Artist')}
        {!task && caller?.account_id === null && account('account_id', 'Owner')}
        <details>
          <summary>Model, overlap, missed runs and limits</summary>
          <div class="form">
            {text('model', 'Model')}
            {choice('overlap', 'When a run is still active', OVERLAPS)}
            {choice('catch_up', 'Missed runs that catch up', CATCH_UPS)}
            {text('timeout_seconds', 'Time limit of an attempt, in seconds', {
              ...DIGITS,
              placeholder: '3600',
            })}
            {text('max_attempts', 'Attempts', { ...DIGITS, placeholder: '1' })}
          </div>
        </details>
      </div>
      <div class="form card">
        {text(
          'schedule',
          'Schedule',
          { class: 'mono', required: true },
          'Minute, hour, day of month, month, day of week',
        )}
        <div class="presets">
          {PRESETS.map(([schedule, label]) => (
            <button key={schedule} type="button" class="button" onClick={() => set('schedule')(schedule)}>
              {label}
            </button>
          ))}
        </div>
        {text('timezone', 'Time zone', { list: 'zones', required: true })}
        <datalist id="zones">
          {Intl.supportedValuesOf('timeZone').map((zone) => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
        <Preview schedule={values.schedule} zone={values.timezone} />
      </div>
      <div class="actions">
        <button
          type="submit"
          class="button primary"
          disabled={save.busy || (task !== undefined && changed.length === 0)}
        >
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

/** The form that creates a task, or changes the given one. */
export function FormView({ task }: { task?: Task }) {
  const mayWrite = useRight('write');
  // Read tasks, because the pickers suggest the accounts and artists of known tasks.
  useTasks({ runs: 'summary', limit: 100 });
  return (
    <>
      <Heading title={task ? `Edit ${visibleTitle(task.title, task.id)}` : 'New task'} />
      {mayWrite ? <TaskForm task={task} /> : <Empty title="This key may not create or change tasks" />}
    </>
  );
}
