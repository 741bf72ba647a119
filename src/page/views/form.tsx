import { useState } from 'preact/hooks';
import { type ApiError, type Task, createTask, updateTask } from '../../client/index.ts';
import { useAction } from '../data/action.ts';
import { linkTo } from '../data/location.ts';
import { useTasks } from '../data/reads.ts';
import { useRight, useSession, visibleTitle } from '../data/service.ts';
import { Field, Picker, useFirstInvalid } from '../parts/fields.tsx';
import { OWN_ZONE } from '../parts/format.ts';
import { Empty, Heading } from '../parts/layout.tsx';
import { Preview } from '../parts/preview.tsx';

/** Returns the fields of the form as they are typed. Empty means the default. */
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

/** Returns the fields as the service takes them; undefined for the default. */
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
  const { caller } = useSession();
  const [start] = useState(() => valuesOf(task));
  const [values, setValues] = useState(start);
  const changed = names.filter((name) => start[name] !== values[name]);
  const save = useAction(async (options) => {
    const fields = fieldsOf(values);
    // null stands for the default.
    const changes = Object.fromEntries(changed.map((name) => [name, fields[name] ?? null]));
    const { data } = task
      ? await updateTask({ ...options, body: { id: task.id, ...changes } })
      : await createTask({ ...options, body: fields });
    const [saved] = data.tasks;
    if (saved) location.hash = linkTo('tasks', saved.id);
  });
  const errors = errorsOf(save.failure);
  const form = useFirstInvalid(save.failure);
  const set = (name: Name) => (value: string) => setValues((old) => ({ ...old, [name]: value }));
  const bind = (name: Name) => ({
    value: values[name],
    onInput: (event: { currentTarget: { value: string } }) => set(name)(event.currentTarget.value),
  });

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
  const number = (name: Name, label: string, standard: string) => (
    <Field label={label} error={errors[name]}>
      {(control) => (
        <input type="text" {...control} {...bind(name)} pattern="[0-9]*" placeholder={standard} />
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
        <Field label="Title" error={errors.title}>
          {(control) => (
            <input type="text" {...control} {...bind('title')} required {...VISIBLE} maxLength={200} />
          )}
        </Field>
        <Field label="Prompt" error={errors.prompt}>
          {(control) => <textarea {...control} {...bind('prompt')} required rows={6} />}
        </Field>
        {account('artist_account_id', 'Artist')}
        {!task && caller?.account_id === null && account('account_id', 'Owner')}
        <details>
          <summary>Model, overlap, missed runs and limits</summary>
          <div class="form">
            <Field label="Model" error={errors.model}>
              {(control) => <input type="text" {...control} {...bind('model')} />}
            </Field>
            {choice('overlap', 'When a run is still active', OVERLAPS)}
            {choice('catch_up', 'Missed runs that catch up', CATCH_UPS)}
            {number('timeout_seconds', 'Time limit of an attempt, in seconds', '3600')}
            {number('max_attempts', 'Attempts', '1')}
          </div>
        </details>
      </div>
      <div class="form card">
        <Field label="Schedule" hint="Minute, hour, day of month, month, day of week" error={errors.schedule}>
          {(control) => <input type="text" class="mono" {...control} {...bind('schedule')} required />}
        </Field>
        <div class="presets">
          {PRESETS.map(([schedule, label]) => (
            <button key={schedule} type="button" class="button" onClick={() => set('schedule')(schedule)}>
              {label}
            </button>
          ))}
        </div>
        <Field label="Time zone" error={errors.timezone}>
          {(control) => <input type="text" {...control} {...bind('timezone')} required list="zones" />}
        </Field>
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

/** Creates a task, or changes the one that is given. */
export function FormView({ task }: { task?: Task }) {
  const mayWrite = useRight('write');
  // Other tasks tell the names of accounts and artists.
  useTasks({ runs: 'summary', limit: 100 });
  return (
    <>
      <Heading title={task ? `Edit ${visibleTitle(task.title, task.id)}` : 'New task'} />
      {mayWrite ? <TaskForm task={task} /> : <Empty title="This key may not create or change tasks" />}
    </>
  );
}
