import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Task } from '../../client/index.ts';
import { useSession } from '../data/service.ts';

/** Attributes that tie an input to its label, hint and error. */
interface ControlProps {
  id: string;
  'aria-describedby': string;
  'aria-invalid': boolean;
}

interface FieldProps {
  label: string;
  hint?: string;
  error: string | undefined;
  children: (control: ControlProps) => ComponentChildren;
}

export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const about = `${id}-about`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, 'aria-describedby': about, 'aria-invalid': error !== undefined })}
      <div id={about}>
        <span class="muted">{hint}</span>
        <span class="error" role="alert">
          {error}
        </span>
      </div>
    </div>
  );
}

const UUID = /^[\da-f]{8}-([\da-f]{4}-){3}[\da-f]{12}$/i;

/** Functions that return the name of an account, by the task field that contains the account's ID. */
const NAMES = {
  artist_account_id: ({ artist_name }: Task) => artist_name,
  account_id: ({ owner_email }: Task) => owner_email,
};

interface PickerProps {
  /** Accessible name and placeholder of the input, if no `<label>` names it. */
  label?: string;
  /** ID of the chosen account; empty if none is chosen. */
  value: string;
  of: keyof typeof NAMES;
  required?: boolean;
  control?: ControlProps;
  onPick: (id: string) => void;
}

/** An input for an account. Suggests the names of the accounts of all known tasks, and accepts an account ID. */
export function Picker({ label, value, of, required = false, control, onPick }: PickerProps) {
  const { known } = useSession();
  const names = new Map([...known.values()].map((task) => [task[of], NAMES[of](task) ?? task[of]]));
  const list = useId();
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState<string>();
  const text = typed ?? names.get(value) ?? value;
  const wanted = text.trim();
  const [named] =
    [...names].find(([id, name]) => name === wanted && (typed !== undefined || id === value)) ?? [];
  const id = named ?? (wanted === '' || UUID.test(wanted) ? wanted : undefined);
  useEffect(() => {
    input.current?.setCustomValidity(
      id === undefined ? 'Choose one of the names, or enter an account ID.' : '',
    );
    // Pick in an effect, because the page may learn the account of a typed name after the user has typed it.
    if (typed !== undefined && id !== undefined && id !== value) onPick(id);
  }, [typed, id]);
  return (
    <>
      <input
        ref={input}
        type="text"
        aria-label={label}
        placeholder={label}
        {...control}
        required={required}
        list={list}
        value={text}
        autocomplete="off"
        onInput={(event) => setTyped(event.currentTarget.value)}
        onBlur={() => id !== undefined && setTyped(undefined)}
      />
      <datalist id={list}>
        {[...new Set(names.values())].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}
