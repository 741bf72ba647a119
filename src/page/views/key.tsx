import { useState } from 'preact/hooks';
import type { ApiError } from '../../client/index.ts';
import { Field } from '../parts/fields.tsx';

interface KeyProps {
  /** Why the service refused the last key. */
  refusal: ApiError | undefined;
  onKey: (key: string, inBrowser: boolean) => void;
}

/** Asks for an API key. */
export function KeyView({ refusal, onKey }: KeyProps) {
  const [key, setKey] = useState('');
  const [inBrowser, setInBrowser] = useState(false);
  return (
    <main class="narrow">
      <h1>Tasks</h1>
      <form
        class="card form"
        onSubmit={(event) => {
          event.preventDefault();
          onKey(key.trim(), inBrowser);
        }}
      >
        <Field label="API key" error={refusal?.message}>
          {(attributes) => (
            <input
              type="password"
              {...attributes}
              {...{ autofocus: true, autocomplete: 'off', required: true }}
              value={key}
              onInput={(event) => setKey(event.currentTarget.value)}
            />
          )}
        </Field>
        <label class="check">
          <input
            type="checkbox"
            checked={inBrowser}
            onChange={(event) => setInBrowser(event.currentTarget.checked)}
          />
          Keep the key after this tab is closed
        </label>
        <button type="submit" class="button primary">
          Continue
        </button>
      </form>
    </main>
  );
}
