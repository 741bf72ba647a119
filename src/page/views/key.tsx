import { useState } from 'preact/hooks';
import type { ApiError } from '../../client/index.ts';
import { signIn } from '../data/key.ts';
import { Field } from '../parts/fields.tsx';

/**
 * Asks for an API key.
 * @param refusal why the service refused the last key
 */
export function KeyView({ refusal }: { refusal: ApiError | undefined }) {
  const [key, setKey] = useState('');
  const [inBrowser, setInBrowser] = useState(false);
  const onSubmit = (event: Event) => {
    event.preventDefault();
    signIn(key.trim(), inBrowser);
  };
  return (
    <main class="narrow">
      <h1>Tasks</h1>
      <form class="card form" onSubmit={onSubmit}>
        <Field label="API key" error={refusal?.message}>
          {(control) => (
            <input
              type="password"
              {...control}
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
