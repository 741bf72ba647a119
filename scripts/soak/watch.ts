import type { MongoClient } from 'mongodb';
import type { TaskDocument } from '../../src/store/task-document.ts';
import type { FaultLog } from './fault-log.ts';
import type { Figures } from './figures.ts';
import type { Findings } from './findings.ts';

const EVERY_MS = 500;
/** Fewer samples than MIN_SAMPLES reveal no growth, and fewer than MANY_SAMPLES reveal only large growth. */
const MIN_SAMPLES = 9;
const MANY_SAMPLES = 60;
/**
 * Acceptable growth of the median from the second to the last third of the steady phase. The first third only fills
 * caches. Some growth is normal, because garbage is not collected at once.
 */
const MAX_GROWTH_MEBIBYTES = { few: 48, many: 24 };

interface Watched {
  name: string;
  readonly ownMebibytes: number | undefined;
}

/** Samples the memory of the processes under test, and computes its peak and its growth. */
export class MemoryWatch {
  readonly #processes: Watched[];
  readonly #figures: Figures;
  readonly #steady = new Map<string, number[]>();
  readonly #timer = setInterval(() => this.#sample(), EVERY_MS);
  #isSteady = false;

  constructor(processes: Watched[], figures: Figures) {
    this.#processes = processes;
    this.#figures = figures;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Marks the start of the steady phase, in which no process is restarted. Only later samples count for growth. */
  beginSteady(): void {
    this.#isSteady = true;
  }

  /** Returns how much the memory of each process grew in the steady phase, and whether that exceeds the limit. */
  growth(): { name: string; mebibytes: number; isTooMuch: boolean }[] {
    return [...this.#steady].map(([name, samples]) => ({ name, ...growthOf(samples) }));
  }

  #sample(): void {
    for (const process of this.#processes) {
      const mebibytes = process.ownMebibytes;
      if (mebibytes === undefined) continue;
      this.#figures.notePeak(process.name, mebibytes);
      if (!this.#isSteady) continue;
      const samples = this.#steady.get(process.name) ?? [];
      samples.push(mebibytes);
      this.#steady.set(process.name, samples);
    }
  }
}

/** Returns how much sampled memory grew, and whether that exceeds the limit. Samples are in MiB, oldest first. */
export function growthOf(samples: number[]): { mebibytes: number; isTooMuch: boolean } {
  const third = Math.ceil(samples.length / 3);
  const mebibytes = median(samples.slice(-third)) - median(samples.slice(third, -third));
  const limit = samples.length < MANY_SAMPLES ? MAX_GROWTH_MEBIBYTES.few : MAX_GROWTH_MEBIBYTES.many;
  return { mebibytes, isTooMuch: samples.length >= MIN_SAMPLES && mebibytes > limit };
}

function median(numbers: number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0;
}

/** Checks that no task's version ever decreases. */
export class VersionWatch {
  readonly #versions = new Map<string, number>();
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  see({ _id, version }: Pick<TaskDocument, '_id' | 'version'>): void {
    const before = this.#versions.get(_id) ?? 1;
    if (!Number.isSafeInteger(version) || version < before)
      this.#findings.add('wrong', `task ${_id} went from version ${before} to ${version}`);
    this.#versions.set(_id, version);
  }

  /**
   * Polls the versions of all tasks until the signal aborts.
   * @throws the error of a poll, unless a fault of the database explains it
   */
  async keepLooking(
    client: MongoClient,
    databaseName: string,
    { faults, signal }: { faults: FaultLog; signal: AbortSignal },
  ): Promise<void> {
    const tasks = client.db(databaseName).collection<TaskDocument>('tasks');
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        const seen = await tasks.find({}, { projection: { version: 1 } }).toArray();
        for (const task of seen) this.see(task);
      } catch (error) {
        if (!faults.explains(['database', 'service'], startedAt, performance.now())) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
}
