import type { Run, RunAttempt, RunError } from '../../client/index.ts';
import { linkTo } from '../data/location.ts';
import { useRuns, useTasks } from '../data/reads.ts';
import { CancelButton } from '../parts/acting.tsx';
import { OWN_ZONE, cost, duration, exact, exactInZones } from '../parts/format.ts';
import { Card, Facts, Heading, Missing, Pending } from '../parts/layout.tsx';
import { Output } from '../parts/output.tsx';
import { Time } from '../parts/time.tsx';
import { Badge, centsOf, lookOf, runTitle, tookMs } from '../parts/status.tsx';

function Failure({ error: { name, message, stackTrace } }: { error: RunError }) {
  return (
    <div class="failure">
      <p class="text">
        {name && <strong>{name}: </strong>}
        {message}
      </p>
      {stackTrace && (
        <details>
          <summary>Stack</summary>
          <pre tabIndex={0}>{stackTrace}</pre>
        </details>
      )}
    </div>
  );
}

/** An attempt of a run, with its error unless that equals `known`, the error that the run already shows. */
function Attempt({ attempt, number, known }: { attempt: RunAttempt; number: number; known: string }) {
  const { status, startedAt, completedAt, createdAt, error } = attempt;
  const took = startedAt && completedAt ? Date.parse(completedAt) - Date.parse(startedAt) : undefined;
  return (
    <li class="attempt">
      <p class="line">
        <span>Attempt {number}</span>
        <Badge {...lookOf(status)} />
        <span class="muted">{exact(new Date(startedAt ?? createdAt), OWN_ZONE)}</span>
        {took !== undefined && <span class="muted">{duration(took)}</span>}
      </p>
      {error && error.message !== known && <Failure error={error} />}
    </li>
  );
}

const at = (instant: string | null | undefined) => (instant ? exact(new Date(instant), OWN_ZONE) : undefined);

const isGiven = (value: unknown): boolean =>
  value !== undefined && value !== null && !(typeof value === 'object' && Object.keys(value).length === 0);

function RunDetails({ run }: { run: Run }) {
  const { title, task_id = '', status, error, output, payload, metadata, attempts = [] } = run;
  const look = lookOf(status);
  const took = tookMs(run);
  const [task] = useTasks(title ? { id: task_id, runs: 'summary' } : undefined).data?.tasks ?? [];
  const next = task?.upcoming[0];
  return (
    <>
      <Heading
        title={runTitle(run)}
        href={title ? linkTo('tasks', task_id) : undefined}
        actions={<CancelButton run={run} />}
      >
        <Badge {...look} />
        <span class="muted">Run of {exactInZones(new Date(run.createdAt))}</span>
      </Heading>
      <div class="columns">
        <div class="stack">
          {error && (
            <Card title={look.tone === 'bad' ? 'Error' : 'Reason'}>
              <Failure error={error} />
            </Card>
          )}
          <Card title="Output">
            {isGiven(output) ? <Output value={output} /> : <p class="muted">None</p>}
          </Card>
          {attempts.length > 0 && (
            <Card title="Attempts">
              <ol>
                {attempts.map((attempt, index) => (
                  <Attempt
                    key={attempt.id}
                    attempt={attempt}
                    number={index + 1}
                    known={error?.message ?? ''}
                  />
                ))}
              </ol>
            </Card>
          )}
          {Object.entries({ Payload: payload, Metadata: metadata }).map(
            ([name, value]) =>
              isGiven(value) && (
                <Card key={name} title={name}>
                  <Output value={value} />
                </Card>
              ),
          )}
        </div>
        <aside aria-label="About the run">
          <Card title="Details">
            <Facts
              facts={[
                ['Artist', task?.artist_name ?? undefined],
                ['Next run', next && <Time at={next} zone={task.timezone} />],
                ['Created', at(run.createdAt)],
                ['Delayed until', at(run.delayedUntil)],
                ['Started', at(run.startedAt)],
                ['Finished', at(run.finishedAt)],
                ['Expired', at(run.expiredAt)],
                ['Duration', took !== undefined && duration(took)],
                ['Cost', cost(centsOf(run))],
                ['Tags', run.tags?.join(', ') || undefined],
                ['ID', run.id],
              ]}
            />
          </Card>
        </aside>
      </div>
    </>
  );
}

/** Shows a run with its error, output, attempts, payload and cost. */
export function RunView({ path: [, id = ''] }: { path: string[] }) {
  const { data, failure, retry } = useRuns({ runId: id });
  const [run] = data?.runs ?? [];
  if (run) return <RunDetails run={run} />;
  const isMissing = data !== undefined || failure?.status === 404;
  return isMissing ? <Missing what="run" /> : <Pending failure={failure} retry={retry} />;
}
