import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { type Run, type Task, cancelRun, deleteTask, runTask, updateTask } from '../../client/index.ts';
import { type Action, useAction } from '../data/action.ts';
import { linkTo } from '../data/location.ts';
import { failureOf } from '../data/resource.ts';
import { useRight, useSession } from '../data/service.ts';
import { UNFINISHED } from './status.tsx';

interface ActButtonProps {
  action: Action;
  label: string;
  look?: 'primary' | 'danger' | '';
}

function ActButton({ action: { run, busy }, label, look = '' }: ActButtonProps) {
  return (
    <button type="button" class={`button ${look}`} disabled={busy} onClick={run}>
      {label}
    </button>
  );
}

/** Actions side by side, and below them why one failed. */
function Actions({ actions, children }: { actions: Action[]; children: ComponentChildren }) {
  return (
    <div class="actions">
      {children}
      <span class="error" role="alert">
        {actions.find(({ failure }) => failure)?.failure?.message}
      </span>
    </div>
  );
}

/** Deletes a task. One that is already deleted is no error, because the first reply may have been lost. */
async function deleteOnce(options: Parameters<typeof deleteTask<true>>[0]): Promise<void> {
  try {
    await deleteTask(options);
  } catch (error) {
    if (failureOf(error).code !== 'task_not_found') throw error;
  }
}

function DeleteButton({ task: { id, title } }: { task: Task }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const action = useAction(async (options) => {
    await deleteOnce({ ...options, body: { id } });
    location.hash = linkTo();
  });
  return (
    <>
      <button type="button" class="button danger" onClick={() => dialog.current?.showModal()}>
        Delete
      </button>
      <dialog ref={dialog} class="card" aria-labelledby="delete-title">
        <h2 id="delete-title">Delete “{title}”?</h2>
        <p>It never fires again. Its runs stay.</p>
        <Actions actions={[action]}>
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Keep
          </button>
          <ActButton action={action} label="Delete task" look="danger" />
        </Actions>
      </dialog>
    </>
  );
}

/** What the key may do with a task. */
export function TaskActions({ task }: { task: Task }) {
  const { id, enabled } = task;
  const { caller } = useSession();
  const mayRun = useRight('run') && caller?.engine !== null;
  const mayWrite = useRight('write');
  const isPaused = enabled === false;
  const runNow = useAction((options) => runTask({ ...options, body: { task_id: id } }));
  const pause = useAction((options) => updateTask({ ...options, body: { id, enabled: isPaused } }));
  if (!mayRun && !mayWrite) return null;
  return (
    <Actions actions={[runNow, pause]}>
      {mayRun && <ActButton action={runNow} label="Run now" look="primary" />}
      {mayWrite && (
        <>
          <ActButton action={pause} label={isPaused ? 'Resume' : 'Pause'} />
          <a class="button" href={linkTo('tasks', id, 'edit')}>
            Edit
          </a>
          <DeleteButton task={task} />
        </>
      )}
    </Actions>
  );
}

/** Cancels a run, where an engine is live. */
export function RunActions({ run: { id, status } }: { run: Run }) {
  const { caller } = useSession();
  const mayRun = useRight('run') && caller?.engine !== null;
  const cancel = useAction((options) => cancelRun({ ...options, body: { runId: id } }));
  if (!mayRun || !UNFINISHED.includes(status)) return null;
  return (
    <Actions actions={[cancel]}>
      <ActButton action={cancel} label="Cancel run" look="danger" />
    </Actions>
  );
}
