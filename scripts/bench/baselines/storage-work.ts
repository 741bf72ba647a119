/** What both sides of the part `storage` do, in a process each, when asked over IPC. */
import { once } from 'node:events';
import type { RunDocument } from '../../../src/runs/document.ts';
import { benchDocuments } from '../fill.ts';
import { FULL } from '../plan.ts';
import { announce } from './serve.ts';

/** A request to do one kind of work for a time. */
export interface StorageQuestion {
  work: 'reads' | 'writes' | 'indexedWrites';
  durationMs: number;
  /** How many at the same time. */
  workers: number;
}

export interface StorageAnswer {
  operations: number;
  elapsedMs: number;
}

/** One operation of each kind. */
export type StorageWork = Record<StorageQuestion['work'], () => Promise<void>>;

const SAMPLES = 1_000;
const samples: RunDocument[] = [];
for (const document of benchDocuments('small', FULL)) {
  if ('run' in document) samples.push(document.run);
  if (samples.length === SAMPLES) break;
}
let made = 0;

/** A run that is like others but for its id. */
export function newRun(): RunDocument {
  const sample = samples[made % SAMPLES];
  if (!sample) throw new Error('There are no samples.');
  made += 1;
  return { ...sample, _id: `run_${process.pid}_${made}` };
}

async function perform(
  work: () => Promise<void>,
  { durationMs, workers }: StorageQuestion,
): Promise<StorageAnswer> {
  let operations = 0;
  const startedAt = performance.now();
  const worker = async () => {
    while (performance.now() - startedAt < durationMs) {
      await work();
      operations += 1;
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  return { operations, elapsedMs: performance.now() - startedAt };
}

const isStorageQuestion = (message: unknown): message is StorageQuestion =>
  typeof message === 'object' && message !== null && 'work' in message;

/** Answers until the process is told to end. */
export async function answerStorageQuestions(work: StorageWork): Promise<void> {
  // monitor.ts has let go of it, and nothing else keeps the process.
  process.channel?.ref();
  process.on('message', (message) => {
    if (!isStorageQuestion(message)) return;
    void perform(work[message.work], message).then((answer) => process.send?.(answer));
  });
  announce('http://none');
  await once(process, 'SIGTERM');
  process.channel?.unref();
}
