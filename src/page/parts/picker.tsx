import { useId, useState } from 'preact/hooks';

const UUID = /^[\da-f]{8}-([\da-f]{4}-){3}[\da-f]{12}$/i;

/** Whether a text is an id. */
export const isId = (text: string): boolean => UUID.test(text);

interface PickerProps {
  label: string;
  /** The chosen id; empty for none. */
  value: string;
  /** Names to choose from, by id. */
  names: Map<string, string>;
  onPick: (id: string) => void;
}

/** A field for an account: it offers those of visible tasks by name, and takes an id. */
export function Picker({ label, value, names, onPick }: PickerProps) {
  const list = useId();
  const [typed, setTyped] = useState<string>();
  const text = typed ?? names.get(value) ?? value;
  const pick = (given: string) => {
    const wanted = given.trim();
    const [id] = [...names].find(([, name]) => name === wanted) ?? [];
    setTyped(given);
    if (wanted === '' || id !== undefined || isId(wanted)) onPick(id ?? wanted);
  };
  return (
    <>
      <input
        type="text"
        aria-label={label}
        placeholder={label}
        list={list}
        value={text}
        autocomplete="off"
        onInput={(event) => pick(event.currentTarget.value)}
        onBlur={() => setTyped(undefined)}
      />
      <datalist id={list}>
        {[...names].map(([id, name]) => (
          <option key={id} value={name} />
        ))}
      </datalist>
    </>
  );
}
