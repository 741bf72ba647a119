/** The amount of data in the databases, and the number and duration of measurements. */
export interface BenchPlan {
  mode: 'full' | 'quick';
  /** Number of tasks in the measured listing. */
  listedTasks: number;
  /** Number of accounts in the small database, with `listedTasks` tasks each. */
  accounts: number;
  /** Total number of tasks in the large database. */
  manyTasks: number;
  /** Number of tasks whose histories are short in one database and long in another. */
  historyTasks: number;
  shortHistory: number;
  longHistory: number;
  /** Number of tasks with different cron expressions. */
  crons: number;
  /** Number of tasks that are listed page by page with summaries of their runs. */
  summaryTasks: number;
  /** Number of tasks that the engine has planned and that are not due. */
  plannedTasks: number;
  manyPlannedTasks: number;
  /** Number of runs that are queued as fast as possible, to measure how many the engine executes per second. */
  burstRuns: number;
  /** How long the engine executes runs at a fixed rate, or is idle, in each round. */
  engineMs: number;
  /** How often the planner looks for due tasks in each round, while none is due. */
  looks: number;
  rounds: number;
  /** Number of rounds, instead of `rounds`, for measurements that take seconds each. */
  longRounds: number;
  roundMs: number;
  warmUpMs: number;
  connections: number;
}

/** The plan of a normal bench run. It takes at most six minutes on two idle cores, including filling. */
export const FULL: BenchPlan = {
  mode: 'full',
  listedTasks: 100,
  accounts: 32,
  manyTasks: 50_000,
  historyTasks: 5,
  shortHistory: 10,
  longHistory: 10_000,
  crons: 1_000,
  summaryTasks: 5_000,
  plannedTasks: 100,
  manyPlannedTasks: 100_000,
  burstRuns: 300,
  engineMs: 10_000,
  looks: 200,
  rounds: 5,
  longRounds: 3,
  roundMs: 700,
  warmUpMs: 1_000,
  connections: 32,
};

/** The plan for `--quick`: checks in about a minute that everything works. Its figures mean nothing. */
export const QUICK: BenchPlan = {
  mode: 'quick',
  listedTasks: 10,
  accounts: 2,
  manyTasks: 300,
  historyTasks: 2,
  shortHistory: 6,
  longHistory: 60,
  crons: 20,
  summaryTasks: 30,
  plannedTasks: 20,
  manyPlannedTasks: 200,
  burstRuns: 20,
  engineMs: 500,
  looks: 5,
  rounds: 2,
  longRounds: 1,
  roundMs: 60,
  warmUpMs: 30,
  connections: 4,
};
