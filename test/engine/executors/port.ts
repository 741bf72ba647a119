import { expect, test } from '@jest/globals';
import { calculateObjectSize } from 'bson';
import type { Attempt, Executor, Job } from '../../../src/engine/port.ts';
import { assertSchema } from '../../support/contract.ts';
import { ACCOUNT, ARTIST } from '../../support/builders.ts';

/** A text that occurs only in the prompt. */
export const PROMPT = 'Write to “Ada” & say $HOME `id` mark-of-the-prompt';

export const JOB: Job = {
  task: {
    id: '11111111-1111-4111-8111-111111111111',
    title: 'Weekly report',
    prompt: PROMPT,
    schedule: '0 9 * * 1',
    timezone: 'UTC',
    account_id: ACCOUNT,
    artist_account_id: ARTIST,
    model: null,
  },
  run: {
    id: 'run_0123456789abcdef',
    status: 'EXECUTING',
    taskIdentifier: 'recoup-task',
    createdAt: '2026-11-02T09:00:00.000Z',
    payload: { type: 'scheduled', scheduled_at: '2026-11-02T09:00:00.000Z', input: { big: 2n ** 62n } },
  },
  attempt: 1,
  scheduled_at: '2026-11-02T09:00:00.000Z',
};

/** One attempt; its signal is never aborted and it stores no location, unless the test says otherwise. */
export function attempt(changes: Partial<Attempt> = {}): Attempt {
  return {
    job: JOB,
    signal: new AbortController().signal,
    onAccepted: () => Promise.reject(new Error('Nothing was to be followed.')),
    ...changes,
  };
}

/** What an executor's counterpart does with a job. */
export type Behavior = 'completes' | 'fails' | 'never ends' | 'cannot be reached';

export interface Subject {
  kind: string;
  /** An executor whose counterpart behaves so. */
  make: (behavior: Behavior) => Promise<Executor>;
  /** Resolves when the counterpart has received a job. */
  received: () => Promise<unknown>;
  /** Jobs that the counterpart has received. */
  count: () => number;
}

/** Fails unless a run with these fields fits its schema and can be stored. */
export function expectStorable(fields: object): void {
  const run = {
    id: 'run_1',
    status: 'COMPLETED',
    taskIdentifier: 'recoup-task',
    createdAt: '2026-11-02T09:00:00.000Z',
    updatedAt: '2026-11-02T09:00:00.000Z',
    ...fields,
  };
  assertSchema('components/schemas/Run', run);
  expect(calculateObjectSize(run)).toBeLessThan(300_000);
}

/** What every executor must do. */
export function behavesAsExecutor({ kind, make, received, count }: Subject): void {
  test('has the kind of its setting', async () => {
    expect((await make('completes')).kind).toBe(kind);
  });

  test('completes with an output that a run can have', async () => {
    const executor = await make('completes');
    const outcome = await executor.execute(attempt());
    expect(outcome).toMatchObject({ kind: 'completed' });
    const output = outcome.kind === 'completed' ? outcome.output : undefined;
    expect(JSON.stringify(output)).toContain('the work is done');
    expectStorable({ output });
    await executor.close();
  });

  test('fails with an error that a run can have', async () => {
    const executor = await make('fails');
    const outcome = await executor.execute(attempt());
    expect(outcome).toMatchObject({
      kind: 'failed',
      error: { message: expect.stringContaining('the reason') },
    });
    const error = outcome.kind === 'failed' ? outcome.error : undefined;
    expectStorable({ error });
    await executor.close();
  });

  test('reports a job that was certainly not delivered', async () => {
    const executor = await make('cannot be reached');
    const outcome = await executor.execute(attempt());
    expect(outcome).toMatchObject({ kind: 'undelivered', error: { message: expect.stringMatching(/./) } });
    await executor.close();
  });

  test('is aborted while the work goes on', async () => {
    const executor = await make('never ends');
    const controller = new AbortController();
    const outcome = executor.execute(attempt({ signal: controller.signal }));
    await received();
    controller.abort();
    expect(await outcome).toEqual({ kind: 'aborted' });
    await executor.close();
  });

  test('delivers nothing if it was aborted before', async () => {
    const executor = await make('completes');
    const before = count();
    expect(await executor.execute(attempt({ signal: AbortSignal.abort() }))).toEqual({ kind: 'aborted' });
    expect(count()).toBe(before);
    await executor.close();
  });

  test('does not deliver again what another engine has delivered', async () => {
    const executor = await make('completes');
    const before = count();
    const outcome = await executor.execute(attempt({ location: 'https://elsewhere.example/runs/1' }));
    expect(outcome).toMatchObject({ kind: 'failed', repeatable: false });
    expect(count()).toBe(before);
    await executor.close();
  });
}
