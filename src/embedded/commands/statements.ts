import { CommandError } from '../errors.ts';
import type { RawValue } from '../raw-bson.ts';
import type { Store } from '../store.ts';

/** What one statement of a write command is to do. */
export interface Statement<T> {
  /** Inside a write: does it at once; 'busy' if that takes too long for a commit. Undefined if it surely does. */
  readonly quick: (() => T | 'busy') | undefined;
  /** Does it in commits of its own. */
  readonly slow: () => Promise<T>;
}

/** A statement that is done. */
export interface Done<T> {
  readonly index: number;
  readonly outcome: T;
}

export interface WriteError {
  readonly index: number;
  readonly error: CommandError;
}

export interface Results<T> {
  readonly done: readonly Done<T>[];
  readonly errors: readonly WriteError[];
}

/** Statements of an unordered command in progress at the same time. */
const PARALLEL = 200;
/** How long the statements of an ordered command may keep one commit, in milliseconds, during which no other write runs. */
const COMMIT_MS = 5;

/**
 * Runs the statements of a write command: in order up to the first failure if `ordered`, and otherwise all. Both ways
 * they share commits, and none is reported as done before its commit.
 * @param parse - throws CommandError for a statement that is wrong
 */
export async function runStatements<T>(
  store: Store,
  statements: readonly RawValue[],
  ordered: boolean,
  parse: (statement: RawValue) => Statement<T>,
): Promise<Results<T>> {
  return ordered ? runOrdered(store, statements, parse) : runUnordered(store, statements, parse);
}

async function runUnordered<T>(
  store: Store,
  statements: readonly RawValue[],
  parse: (statement: RawValue) => Statement<T>,
): Promise<Results<T>> {
  const done: Done<T>[] = [];
  const errors: WriteError[] = [];
  const runOne = async (statement: RawValue, index: number): Promise<void> => {
    try {
      done.push({ index, outcome: await runAlone(store, parse(statement)) });
    } catch (error) {
      errors.push({ index, error: asCommandError(error) });
    }
  };
  for (let from = 0; from < statements.length; from += PARALLEL) {
    const some = statements.slice(from, from + PARALLEL);
    await Promise.all(some.map(async (statement, at) => runOne(statement, from + at)));
  }
  return { done: inOrder(done), errors: inOrder(errors) };
}

async function runAlone<T>(store: Store, { quick, slow }: Statement<T>): Promise<T> {
  const outcome = quick ? await store.write(quick) : 'busy';
  return outcome === 'busy' ? slow() : outcome;
}

function inOrder<T extends { readonly index: number }>(list: readonly T[]): T[] {
  return list.toSorted((left, right) => left.index - right.index);
}

async function runOrdered<T>(
  store: Store,
  statements: readonly RawValue[],
  parse: (statement: RawValue) => Statement<T>,
): Promise<Results<T>> {
  const done: Done<T>[] = [];
  const parsed = (index: number): Statement<T> | undefined => {
    const statement = statements[index];
    return statement && parse(statement);
  };
  let index = 0;
  try {
    for (let next = parsed(index); next; next = parsed(index)) {
      const group = next.quick ? await runGroup(store, index, parsed) : { outcomes: [] };
      for (const outcome of group.outcomes) {
        done.push({ index, outcome });
        index += 1;
      }
      if (group.error) throw group.error;
      if (group.outcomes.length > 0) continue;
      done.push({ index, outcome: await next.slow() });
      index += 1;
    }
  } catch (error) {
    return { done, errors: [{ index, error: asCommandError(error) }] };
  }
  return { done, errors: [] };
}

/** Runs statements from `first` on in one commit: up to the first that fails or is not quick, or until it is long. */
async function runGroup<T>(
  store: Store,
  first: number,
  parsed: (index: number) => Statement<T> | undefined,
): Promise<{ outcomes: T[]; error?: CommandError }> {
  return store.write(() => {
    const outcomes: T[] = [];
    const endsAt = performance.now() + COMMIT_MS;
    try {
      do {
        const outcome = parsed(first + outcomes.length)?.quick?.();
        if (outcome === undefined || outcome === 'busy') break;
        outcomes.push(outcome);
      } while (performance.now() < endsAt);
    } catch (error) {
      return { outcomes, error: asCommandError(error) };
    }
    return { outcomes };
  });
}

function asCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  throw error;
}
