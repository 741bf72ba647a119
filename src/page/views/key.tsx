import type { TargetedSubmitEvent } from 'preact';
import type { ApiError } from '../../client/index.ts';
import { storeKey } from '../data/key.ts';
import { Field } from '../parts/fields.tsx';

function signIn(event: TargetedSubmitEvent<HTMLFormElement>): void {
  event.preventDefault();
  const entered = new FormData(event.currentTarget);
  storeKey(String(entered.get('key')).trim(), entered.has('keep') ? localStorage : sessionStorage);
}

/**
 * Asks for an API key.
 * @param refusal why the service refused the last key
 */
export function KeyView({ refusal }: { refusal: ApiError | undefined }) {
  return (
    <main class="narrow">
      <h1>Tasks</h1>
      <form class="card form" onSubmit={signIn}>
        <Field label="API key" error={refusal?.message}>
          {(control) => (
            <input type="password" name="key" {...control} autofocus autocomplete="off" required />
          )}
        </Field>
        <label class="check">
          <input type="checkbox" name="keep" />
          Keep the key after this tab is closed
        </label>
        <button type="submit" class="button primary">
          Continue
        </button>
      </form>
    </main>
  );
}
