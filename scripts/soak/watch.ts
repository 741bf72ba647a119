import type { MongoClient } from 'mongodb';
import type { TaskDocument } from '../../src/store/task-document.ts';
import type { FaultLog } from './fault-log.ts';
import type { Figures } from './figures.ts';
import type { Findings } from './findings.ts';

const EVERY_MS = 500;
/** Fewer samples than MIN_SAMPLES say nothing about growth; fewer than MANY_SAMPLES only reveal large growth. */
const MIN_SAMPLES = 9;
const MANY_SAMPLES = 60;
/** Acceptable growth from the second third of a steady phase, when all is warm, to the last. Garbage comes and goes. */
const MAX_GROWTH_MEBIBYTES = { few: 48, many: 24 };

interface Watched {
  name: string;
  readonly ownMebibytes: number | undefined;
}

/** Samples the memory of processes. */
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

  /** Starts the steady phase, in which processes are not restarted. */
  beginSteady(): void {
    this.#isSteady = true;
  }

  /** Returns the growth of each process in the steady phase, and whether it is too much. */
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

/** Returns the growth of sampled memory in MiB, and whether it is too much. */
export function growthOf(samples: number[]): { mebibytes: number; isTooMuch: boolean } {
  const third = Math.ceil(samples.length / 3);
  const mebibytes = median(samples.slice(-third)) - median(samples.slice(third, -third));
  const limit = samples.length < MANY_SAMPLES ? MAX_GROWTH_MEBIBYTES.few : MAX_GROWTH_MEBIBYTES.many;
  return { mebibytes, isTooMuch: samples.length >= MIN_SAMPLES && mebibytes > limit };
}

function median(numbers: number[]): number {
  return numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0;
}

/** Polls the database, and checks that no task version decreases. */
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

  /** Polls until aborted. A poll may fail while the database has a fault. */
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
