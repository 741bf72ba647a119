import { useState } from 'preact/hooks';
import type { ApiError } from '../../client/index.ts';

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
        <label class="field">
          <span>API key</span>
          <input
            type="password"
            value={key}
            autocomplete="off"
            autofocus
            required
            aria-invalid={refusal !== undefined}
            aria-describedby="key-error"
            onInput={(event) => setKey(event.currentTarget.value)}
          />
          <span id="key-error" class="error" role="alert">
            {refusal?.message}
          </span>
        </label>
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
