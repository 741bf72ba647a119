import { CommandError } from '../errors.ts';
import type { RawValue } from '../raw-bson.ts';
import type { Store } from '../store.ts';

/** A parsed statement of a write command, e.g. one element of `updates`. */
export type Statement<T> =
  /** Affects at most one document. Runs inside a commit that it shares with other statements. */
  | { readonly inWrite: () => T }
  /** May affect many documents. Runs on its own and makes its own commits. */
  | { readonly alone: () => Promise<T> };

export interface Results<T> {
  readonly done: readonly { readonly index: number; readonly outcome: T }[];
  readonly errors: readonly { readonly index: number; readonly error: CommandError }[];
}

/** Maximum number of statements in one commit. A commit blocks all other writes. */
const COMMIT_STATEMENTS = 200;

/**
 * Runs the statements of a write command one by one. Stops at the first failure if `ordered`. Statements that affect at
 * most one document share commits.
 * @param parse - throws CommandError for an invalid statement
 * @throws CommandError if a shared commit fails; earlier statements may have been applied
 */
export async function runStatements<T>(
  store: Store,
  statements: readonly RawValue[],
  ordered: boolean,
  parse: (statement: RawValue) => Statement<T>,
): Promise<Results<T>> {
  const done: { index: number; outcome: T }[] = [];
  const errors: { index: number; error: CommandError }[] = [];
  let index = 0;
  const goesOn = (): boolean => index < statements.length && !(ordered && errors.length > 0);
  const attempt = <R>(action: () => R): R | undefined => {
    try {
      return action();
    } catch (error) {
      noteFailure(error);
      return undefined;
    }
  };
  const noteFailure = (error: unknown): void => {
    if (!(error instanceof CommandError)) throw error;
    errors.push({ index, error });
  };
  while (goesOn()) {
    const alone = await store.write(() => {
      for (const end = index + COMMIT_STATEMENTS; index < end && goesOn(); index++) {
        const raw = statements[index];
        const statement = raw && attempt(() => parse(raw));
        if (statement && 'alone' in statement) return statement.alone;
        if (statement) attempt(() => done.push({ index, outcome: statement.inWrite() }));
      }
      return undefined;
    });
    if (!alone) continue;
    await alone().then((outcome) => done.push({ index, outcome }), noteFailure);
    index += 1;
  }
  return { done, errors };
}
