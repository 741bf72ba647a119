import { type Principal, accountOf, scopeOf } from './principal.ts';
import { ApiError } from '../lib/errors.ts';
import type { TaskStore } from '../store/task-store.ts';
import { unknownTask } from './unknown-task.ts';

/** The task that a change or a deletion names, and the account for which the request acts. */
interface Named {
  id: string;
  account_id?: string;
}

/**
 * Returns the filter for that task. Its owner is the account of an account key, or the account that an admin names.
 * @throws ApiError account_forbidden
 */
export function targetOf({ id, account_id }: Named, principal: Principal): Named {
  return { id: id.toLowerCase(), account_id: accountOf(principal, account_id) };
}

/**
 * Returns the error for a task that was not found. Only admins, who can see every task, learn that it has another
 * owner.
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
