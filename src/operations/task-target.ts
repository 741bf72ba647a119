import { type Principal, accountOf, scopeOf } from './principal.ts';
import { ApiError } from '../lib/errors.ts';
import type { TaskStore } from '../store/task-store.ts';
import { unknownTask } from './unknown-task.ts';

/** The task that a change or a deletion names. `account_id` is its owner, if the request names one. */
interface Named {
  id: string;
  account_id?: string;
}

/**
 * Returns the filter that finds the task only if its owner is the account of the caller's key, or the account that an
 * admin names.
 * @throws ApiError account_forbidden if an account key names another account
 */
export function targetOf({ id, account_id }: Named, principal: Principal): Named {
  return { id: id.toLowerCase(), account_id: accountOf(principal, account_id) };
}

/**
 * Returns the error for a task that the filter of `targetOf` did not find. Only an admin, who may see every task,
 * learns that the task exists and has another owner.
 */
export async function explainNoMatch(
  { id, account_id }: Named,
  principal: Principal,
  tasks: TaskStore,
): Promise<ApiError> {
  const mayTell = scopeOf(principal) === undefined && account_id !== undefined;
  if (!mayTell || (await tasks.findByIds([id.toLowerCase()], {})).length === 0) return unknownTask(id);
  return new ApiError(
    'account_forbidden',
    `Field "account_id" is not the owner of task ${id}. Send the owner's account, or omit the field.`,
  );
}
