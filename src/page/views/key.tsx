import type { TargetedSubmitEvent } from 'preact';
import { storeKey } from '../data/key.ts';
import { Field } from '../parts/fields.tsx';

function signIn(event: TargetedSubmitEvent<HTMLFormElement>): void {
  event.preventDefault();
  const entered = new FormData(event.currentTarget);
  storeKey(String(entered.get('key')).trim(), entered.has('keep') ? localStorage : sessionStorage);
}

export function KeyView({ wasRefused }: { wasRefused: boolean }) {
  const error = wasRefused
    ? 'The service does not accept this key. It is unknown, expired or revoked.'
    : undefined;
  return (
    <main class="narrow">
      <h1>Tasks</h1>
      <form class="card form" onSubmit={signIn}>
        <Field label="API key" hint="Ask the operator of this service for a key." error={error}>
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
