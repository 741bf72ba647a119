import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AttemptEnded,
  type Result,
  type StopReason,
  delayOf,
  endingOf,
  startOf,
} from '../../../src/engine/local/ending.ts';
import type { QueuedRun } from '../../../src/store/queue-document.ts';
import type { RunDocument } from '../../../src/store/run-document.ts';
import { ACCOUNT, run, task, uuid } from '../../support/builders.ts';

const NOW = new Date('2026-11-23T12:00:00Z');
const error = { message: 'exit 1' };
const completed: Result = { kind: 'completed', output: 1 };
const failed: Result = { kind: 'failed', error, repeatable: true };
const hopeless: Result = { kind: 'failed', error, repeatable: false };
const undelivered: Result = { kind: 'undelivered', error };
const aborted: Result = { kind: 'aborted' };
const broken: Result = { kind: 'broken', error };

describe('the end of a run after an attempt', () => {
  const of = (result: Result, stopped: StopReason | undefined, ended: Partial<AttemptEnded> = {}) => {
    const ending = endingOf(result, {
      entry: { due_at: NOW, tries: 0 },
      task: { max_attempts: 2, timeout_seconds: 60 },
      attempt: 1,
      now: NOW,
      random: () => 0.5,
      ...(stopped && { stopped }),
      ...ended,
    });
    if (ending.kind === 'final') return [ending.status, ending.error?.name].filter(Boolean).join(' ');
    return ending.kind === 'again' ? `again${ending.delivered ? '' : ', undelivered'}` : ending.kind;
  };
  const last = { attempt: 2 };
  const location = 'https://example.com/jobs/1';
  test.each<[string, Result, StopReason | undefined, Partial<AttemptEnded>, string]>([
    ['completed', completed, undefined, {}, 'COMPLETED'],
    ['completed while it was canceled', completed, 'cancel', {}, 'COMPLETED'],
    ['completed after the time-out', completed, 'timeout', {}, 'COMPLETED'],
    ['completed without the lease', completed, 'lease', {}, 'none'],
    ['failed', failed, undefined, {}, 'again'],
    ['failed for the last time', failed, undefined, last, 'FAILED'],
    ['failed, and repeating cannot help', hopeless, undefined, {}, 'FAILED'],
    ['failed while it was canceled', failed, 'cancel', {}, 'CANCELED Canceled'],
    ['failed, max_attempts absent', failed, undefined, { task: {} }, 'FAILED'],
    ['timed out', aborted, 'timeout', {}, 'again'],
    ['timed out for the last time', aborted, 'timeout', last, 'FAILED TimedOut'],
    ['canceled', aborted, 'cancel', {}, 'CANCELED Canceled'],
    ['drained', aborted, 'drain', {}, 'INTERRUPTED Interrupted'],
    ['failed by the drain', failed, 'drain', {}, 'INTERRUPTED Interrupted'],
    ['drained with a location', aborted, 'drain', { location }, 'handOver'],
    ['lost', aborted, 'lease', {}, 'none'],
    ['stopped without an abort', aborted, undefined, {}, 'SYSTEM_FAILURE ExecutorError'],
    ['thrown', broken, undefined, {}, 'SYSTEM_FAILURE'],
    ['undelivered', undelivered, undefined, last, 'again, undelivered'],
    ['undelivered in the drain', undelivered, 'drain', {}, 'again, undelivered'],
    [
      'undelivered in the drain when the time is over',
      undelivered,
      'drain',
      { now: new Date(+NOW + 60_000) },
      'again, undelivered',
    ],
    ['undelivered while it was canceled', undelivered, 'cancel', {}, 'CANCELED Canceled'],
    [
      'undelivered until the deadline',
      undelivered,
      undefined,
      { now: new Date(+NOW + 60_000) },
      'FAILED NotDelivered',
    ],
    [
      'undelivered, with the next try after the deadline',
      { ...undelivered, retryAfterMs: 61_000 },
      undefined,
      {},
      'FAILED NotDelivered',
    ],
    ['not found where it was followed', undelivered, undefined, { ...last, location }, 'FAILED'],
  ])('%s', (_name, result, stopped, ended, expected) => {
    expect(of(result, stopped, ended)).toBe(expected);
  });
});

describe('what to do with a claimed run', () => {
  const entry = (fields: Partial<QueuedRun> = {}): QueuedRun => ({
    _id: 'run_1',
    task_id: uuid(1),
    account_id: ACCOUNT,
    trigger: 'scheduled',
    scheduled_at: NOW,
    due_at: NOW,
    slot: 'run_1',
    serial: true,
    owner: 'me',
    fence: 1,
    beat: 0,
    not_before: NOW,
    tries: 0,
    ...fields,
  });
  const document = (status: RunDocument['status'], attempts = 0): RunDocument => {
    const { id: _id, ...fields } = run(1, { status });
    const attempt = { status: 'EXECUTING' as const, createdAt: NOW, updatedAt: NOW };
    const all = Array.from({ length: attempts }, (_, at) => ({ ...attempt, id: `attempt_${at}` }));
    return { ...fields, _id, task_id: uuid(1), attempts: all };
  };
  const dayAgo = new Date(+NOW - 86_400_001);
  const location = 'https://example.com/jobs/1';
  const off = task(1, { enabled: false });
  const twice = task(1, { max_attempts: 2 });
  test.each<[string, Partial<QueuedRun>, RunDocument | null, ReturnType<typeof task> | undefined, string]>([
    ['queued', {}, document('QUEUED'), task(1), 'execute'],
    ['tried before', { tries: 3, due_at: dayAgo }, document('REATTEMPTING'), task(1), 'execute'],
    ['final', {}, document('FAILED'), task(1), 'drop'],
    ['gone', {}, null, task(1), 'drop'],
    ['to be canceled', { cancel: true }, document('EXECUTING', 1), twice, 'CANCELED'],
    ['of a deleted task', {}, document('QUEUED'), undefined, 'CANCELED'],
    ['of a disabled task', {}, document('QUEUED'), off, 'CANCELED'],
    ['of a disabled task, by hand', { trigger: 'manual' }, document('QUEUED'), off, 'execute'],
    ['due a day ago', { due_at: dayAgo }, document('QUEUED'), task(1), 'CANCELED'],
    ['delivered and lost', {}, document('EXECUTING', 1), task(1), 'CRASHED'],
    ['delivered and lost, to be repeated', {}, document('EXECUTING', 1), twice, 'repeat'],
    ['delivered and lost for the last time', {}, document('EXECUTING', 2), twice, 'CRASHED'],
    [
      'delivered and lost, disabled since',
      {},
      document('EXECUTING', 1),
      { ...twice, enabled: false },
      'CRASHED',
    ],
    ['handed over', { location }, document('EXECUTING', 1), off, 'follow'],
    ['handed over, the task deleted since', { location }, document('EXECUTING', 1), undefined, 'CRASHED'],
  ])('%s', (_name, fields, stored, owner, expected) => {
    const start = startOf(entry(fields), stored, owner, NOW);
    const ends = start.kind === 'end' && start.ending.kind === 'final';
    expect(ends && start.ending.kind === 'final' ? start.ending.status : start.kind).toBe(expected);
  });
});

test('delays are 1 to 60 seconds, or longer if the receiver asks for it', () => {
  fc.assert(
    fc.property(
      fc.nat(2_000),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (tries, luck) => {
        const delayMs = delayOf(tries, () => luck);
        expect(delayMs).toBeGreaterThanOrEqual(1_000);
        expect(delayMs).toBeLessThanOrEqual(60_000);
        expect(delayOf(tries, () => luck, 600_000)).toBe(600_000);
      },
    ),
    { seed: Number(process.env.PROPERTY_SEED ?? 20_261_126) },
  );
  expect([0, 1, 2, 3, 4, 5, 9].map((tries) => delayOf(tries, () => 0.5))).toEqual([
    1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000,
  ]);
});
