import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** The fields of an engine's state that the gauges show. src/engine/port.ts describes them. */
export interface EngineState {
  live: boolean;
  /** Number of runs that execute in this process. */
  running?: number;
  /** Number of runs that wait, across all processes. */
  waiting?: number;
  problem?: string;
  pending?: number;
  behindSeconds?: number;
  strays?: number;
}

/** Bucket bounds in seconds: from a run that started on time to one that waited for hours. */
const LATE_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400];

/** Metrics of this process's engine: counters and histograms that the engine updates, and gauges of its state. */
export class EngineMetrics {
  readonly #due: Counter<'outcome'>;
  readonly #late: Histogram;
  readonly #attempts: Counter<'outcome'>;
  readonly #lostLeases: Counter;

  constructor(registry: Registry, state: () => EngineState | undefined) {
    const registers = [registry];
    this.#due = new Counter({
      name: 'engine_due_total',
      help: 'Fire times that this process decided, by outcome: fired, skipped, missed. Consecutive missed ones count once.',
      labelNames: ['outcome'],
      registers,
    });
    this.#late = new Histogram({
      name: 'engine_late_seconds',
      help: 'Time from when a run was due to the start of its first attempt.',
      buckets: LATE_SECONDS,
      registers,
    });
    this.#attempts = new Counter({
      name: 'engine_attempts_total',
      help: 'Attempts that ended, by outcome or by what stopped the attempt: timeout, cancel, drain, lease.',
      labelNames: ['outcome'],
      registers,
    });
    this.#lostLeases = new Counter({
      name: 'engine_lost_leases_total',
      help: 'Claims that this process released because their workers stopped renewing them.',
      registers,
    });
    const gauges = {
      engine_active: ['Whether this engine executes tasks: 0 while an engine of another kind does.', 'live'],
      engine_runs_queued: ['Runs that wait, across all processes.', 'waiting'],
      engine_runs_running: ['Runs that execute in this process.', 'running'],
      engine_problem: ['Whether the engine of this process has a problem.', 'problem'],
      engine_runs_pending: ['Runs whose details have not been read from Trigger.dev yet.', 'pending'],
      engine_runs_behind_seconds: ['Delay between Trigger.dev and the stored runs.', 'behindSeconds'],
      engine_stray_schedules: ['Schedules at Trigger.dev whose task does not exist.', 'strays'],
    } as const;
    for (const [name, [help, field]] of Object.entries(gauges)) {
      const gauge = new Gauge({
        name,
        help,
        registers: [],
        collect() {
          const value = state()?.[field] ?? 0;
          this.set(typeof value === 'string' ? 1 : Number(value));
        },
      });
      registry.registerMetric(gauge);
    }
  }

  decided(outcome: string): void {
    this.#due.inc({ outcome });
  }

  started(lateSeconds: number): void {
    this.#late.observe(Math.max(0, lateSeconds));
  }

  attempted(outcome: string): void {
    this.#attempts.inc({ outcome });
  }

  lostLease(): void {
    this.#lostLeases.inc();
  }
}
