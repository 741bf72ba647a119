import { useRef } from 'preact/hooks';
import { type Run, type Task, cancelRun, deleteTask, runTask, updateTask } from '../../client/index.ts';
import { type WriteOptions, useAction } from '../data/action.ts';
import { linkTo } from '../data/location.ts';
import { failureOf } from '../data/reads.ts';
import { useRight, visibleTitle } from '../data/service.ts';
import { UNFINISHED } from './status.tsx';

interface ActProps {
  label: string;
  look?: 'primary' | 'danger' | '';
  act: (options: WriteOptions) => Promise<unknown>;
}

/** A button that performs a write, and the service's message if the write failed. */
function Act({ label, look = '', act }: ActProps) {
  const { run, busy, failure } = useAction(act);
  return (
    <>
      <button type="button" class={`button ${look}`} disabled={busy} onClick={run}>
        {label}
      </button>
      <span class="error" role="alert">
        {failure?.message}
      </span>
    </>
  );
}

function DeleteButton({ task: { id, title } }: { task: Task }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const act = async (options: WriteOptions) => {
    await deleteTask({ ...options, body: { id } }).catch((error: unknown) => {
      // Ignore that the task does not exist: an earlier attempt, whose reply was lost, may have deleted it.
      if (failureOf(error).code !== 'task_not_found') throw error;
    });
    location.hash = linkTo();
  };
  return (
    <>
      <button type="button" class="button danger" onClick={() => dialog.current?.showModal()}>
        Delete
      </button>
      <dialog ref={dialog} class="card" aria-labelledby="delete-title">
        <h2 id="delete-title">Delete “{visibleTitle(title, id)}”?</h2>
        <p>The task never runs again. Its past runs stay.</p>
        <div class="actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Keep
          </button>
          <Act label="Delete task" look="danger" act={act} />
        </div>
      </dialog>
    </>
  );
}

/** The buttons that run, pause, edit and delete a task. Omits those for which the caller lacks the right. */
export function TaskActions({ task }: { task: Task }) {
  const { id, enabled } = task;
  const mayRun = useRight('run');
  const mayWrite = useRight('write');
  const isPaused = enabled === false;
  return (
    <div class="actions">
      {mayRun && (
        <Act
          label="Run now"
          look="primary"
          act={(options) => runTask({ ...options, body: { task_id: id } })}
        />
      )}
      {mayWrite && (
        <>
          <Act
            label={isPaused ? 'Resume' : 'Pause'}
            act={(options) => updateTask({ ...options, body: { id, enabled: isPaused } })}
          />
          <a class="button" href={linkTo('tasks', id, 'edit')}>
            Edit
          </a>
          <DeleteButton task={task} />
        </>
      )}
    </div>
  );
}

/** A button that cancels a run, if the run is unfinished and the caller has the right. */
export function CancelButton({ run: { id, status } }: { run: Run }) {
  if (!useRight('run') || !UNFINISHED.includes(status)) return null;
  return (
    <div class="actions">
      <Act
        label="Cancel run"
        look="danger"
        act={(options) => cancelRun({ ...options, body: { runId: id } })}
      />
    </div>
  );
}
