import { useId, useState } from 'preact/hooks';

const UUID = /^[\da-f]{8}-([\da-f]{4}-){3}[\da-f]{12}$/i;

interface PickerProps {
  /** Its name, where it has no label of its own. */
  label?: string;
  /** The chosen id; empty for none. */
  value: string;
  /** Names to choose from, by id. */
  names: Map<string, string>;
  required?: boolean;
  attributes?: { id: string; 'aria-describedby': string; 'aria-invalid': boolean };
  onPick: (id: string) => void;
}

/** A field for an account: it offers those of visible tasks by name, and takes an id. */
export function Picker({ label, value, names, required = false, attributes, onPick }: PickerProps) {
  const list = useId();
  const [typed, setTyped] = useState<string>();
  const pick = (input: HTMLInputElement) => {
    const wanted = input.value.trim();
    const [id] = [...names].find(([, name]) => name === wanted) ?? [];
    const isKnown = wanted === '' || id !== undefined || UUID.test(wanted);
    input.setCustomValidity(isKnown ? '' : 'Choose one of the names, or enter an account ID.');
    setTyped(input.value);
    if (isKnown) onPick(id ?? wanted);
  };
  return (
    <>
      <input
        type="text"
        {...(label !== undefined && { 'aria-label': label, placeholder: label })}
        {...attributes}
        required={required}
        list={list}
        value={typed ?? names.get(value) ?? value}
        autocomplete="off"
        onInput={(event) => pick(event.currentTarget)}
        onBlur={(event) => event.currentTarget.validity.customError || setTyped(undefined)}
      />
      <datalist id={list}>
        {[...new Set(names.values())].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}
