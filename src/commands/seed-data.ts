import { createHash } from 'node:crypto';
import type { Run, RunAttempt, RunError, RunStatus } from '../../generated/types.gen.ts';
import type { AccountDocument } from '../store/account-document.ts';
import type { TaskWithRuns } from '../samples/samples.ts';
import type { NewTask } from '../store/task-store.ts';

/** How many made-up accounts, tasks and runs to create. */
export interface SeedPlan {
  accounts: number;
  /** Total number of tasks, spread evenly over the accounts. */
  tasks: number;
  /** Number of runs per task. */
  runs: number;
}

/** The dates of the documents are fixed, so that the same arguments create the same documents on any day. */
const FIRST_TASK_AT_MS = Date.UTC(2024, 0, 1);
const NEWEST_RUN_AT_MS = Date.UTC(2026, 10, 20, 12);
const MINUTE_MS = 60_000;
/** Interval between a task's runs: so short that even the oldest of a million runs has a plausible date (1998). */
const BETWEEN_RUNS_MS = 15 * MINUTE_MS;

const ARTISTS_PER_ACCOUNT = 3;
const ARTISTS = ['Juno', 'The Harbour', 'Sol', 'Nightjar', 'Lowland'] as const;
const TITLES = [
  'Listener report',
  'Caption clip',
  'Tour date check',
  'Playlist watch',
  'Press clippings',
] as const;
const SCHEDULES = [
  '0 9 * * 4',
  '30 17 * * 1-5',
  '0 */6 * * *',
  '*/15 * * * *',
  '45 6 1,15 * *',
  '5 0 * * 0',
] as const;
const TIMEZONES = [undefined, 'America/New_York', 'Europe/Berlin', 'Asia/Tokyo', 'Australia/Sydney'] as const;
const ENABLED = [true, true, true, false, true, true, null, true] as const;
const MODELS = [null, 'anthropic/claude-sonnet-4.5', 'openai/gpt-5-mini', 'google/gemini-2.5-pro'] as const;
const TEMPLATES = [
  'artist-caption-bedroom',
  'artist-caption-outside',
  'artist-caption-stage',
  'album-record-store',
  'artist-release-editorial',
] as const;
const MOODS = ['tender', 'wistful', 'euphoric', 'nocturnal', 'playful'] as const;
const LINES = [
  'Hold the paper up against the light, every fold is somewhere I have been.',
  'And the gulls do all the talking while the ferry turns around.',
  'Knock, knock, nobody but the echo and the neighbour’s radio.',
  'Come in, the porch light is a liar and the kettle never lies.',
  'Se va la marea y deja tu nombre escrito del revés.',
  'Two umbrellas, one of us is walking in the rain.',
] as const;

const FAULTS = ['FAILED', 'CRASHED', 'INTERRUPTED', 'SYSTEM_FAILURE'] as const satisfies RunStatus[];
const NOT_STARTED = ['PENDING_VERSION', 'DELAYED', 'QUEUED'] as const satisfies RunStatus[];
const UNDER_WAY = ['EXECUTING', 'REATTEMPTING', 'FROZEN'] as const satisfies RunStatus[];
/** Possible statuses of a task's newest run. Earlier runs have ended, so they get a final status. */
const NEWEST_STATUSES = ['COMPLETED', 'CANCELED', ...FAULTS, ...NOT_STARTED, ...UNDER_WAY] as const;
/** An earlier run is COMPLETED if its first random byte is below this: 208 of 256 runs. */
const COMPLETED_BEFORE = 208;

/** Returns 32 bytes that depend only on the name, as a deterministic substitute for random bytes. */
function bytesOf(name: string): Buffer {
  return createHash('sha256').update(`recoup-seed/${name}`).digest();
}

/** Returns a deterministic UUID, in version 4 format, for a name. */
function uuidOf(name: string): string {
  const bytes = bytesOf(name);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function pick<Item>(items: readonly [Item, ...Item[]], number: number): Item {
  const index = number % items.length;
  // Use a default, not ??, which would also replace a null item.
  const [item = items[0]] = items.slice(index, index + 1);
  return item;
}

const instant = (ms: number): string => new Date(ms).toISOString();

const among = (statuses: readonly RunStatus[], status: RunStatus): boolean => statuses.includes(status);

function statusOf(index: number, bytes: Buffer): RunStatus {
  if (index === 0) return pick(NEWEST_STATUSES, bytes.readUInt8(0));
  return bytes.readUInt8(0) < COMPLETED_BEFORE
    ? 'COMPLETED'
    : pick(['CANCELED', ...FAULTS], bytes.readUInt8(1));
}

const artistIdOf = (account: number, artist: number): string => uuidOf(`account/${account}/artist/${artist}`);

/** Yields accounts. A larger count yields the same accounts, then more. */
export function* seedAccounts(count: number): Generator<AccountDocument & { email: string }> {
  for (let index = 0; index < count; index += 1) {
    yield { _id: uuidOf(`account/${index}`), email: `team-${index}@label-${index % 97}.example` };
  }
}

/** Yields the artists of the first `accounts` accounts, three for each. */
export function* seedArtists(accounts: number): Generator<AccountDocument & { name: string }> {
  for (let index = 0; index < accounts; index += 1) {
    for (let artist = 0; artist < ARTISTS_PER_ACCOUNT; artist += 1) {
      const name = `${pick(ARTISTS, index + artist)} ${index * ARTISTS_PER_ACCOUNT + artist + 1}`;
      yield { _id: artistIdOf(index, artist), name };
    }
  }
}

const scheduleIdOf = (task: number): string =>
  `sched_${bytesOf(`task/${task}/schedule`).toString('hex', 0, 5)}`;

function seedTask(index: number, accounts: number): NewTask {
  const bytes = bytesOf(`task/${index}/fields`);
  const owner = index % accounts;
  const timezone = pick(TIMEZONES, bytes.readUInt8(2));
  const line = pick(LINES, bytes.readUInt8(4));
  return {
    _id: uuidOf(`task/${index}`),
    title: `${pick(TITLES, bytes.readUInt8(0))} ${index + 1}`,
    prompt: `Look at the artist's last seven days and write what is new, in three sentences at most. Keep to the tone of “${line}”`,
    schedule: pick(SCHEDULES, bytes.readUInt8(1)),
    ...(timezone && { timezone }),
    account_id: uuidOf(`account/${owner}`),
    artist_account_id: artistIdOf(owner, bytes.readUInt8(3) % ARTISTS_PER_ACCOUNT),
    enabled: pick(ENABLED, bytes.readUInt8(5)),
    trigger_schedule_id: scheduleIdOf(index),
    model: pick(MODELS, bytes.readUInt8(6)),
    created_at: new Date(FIRST_TASK_AT_MS + index * MINUTE_MS),
  };
}

function seedFault(bytes: Buffer): RunError {
  const message = `The video model answered ${500 + (bytes.readUInt8(10) % 5)} while it rendered the clip.`;
  const frames = [
    'renderVideo (tasks/create-content/render.ts:88:11)',
    'run (tasks/create-content/index.ts:52:19)',
  ];
  return {
    message,
    name: 'UpstreamError',
    stackTrace: [`UpstreamError: ${message}`, ...frames.map((frame) => `    at ${frame}`)].join('\n'),
  };
}

/** Status of a run's last attempt, by the status of the run; undefined if the run has no attempt. */
const LAST_ATTEMPT = {
  PENDING_VERSION: undefined,
  DELAYED: undefined,
  QUEUED: undefined,
  EXECUTING: 'EXECUTING',
  REATTEMPTING: 'PENDING',
  FROZEN: 'PAUSED',
  COMPLETED: 'COMPLETED',
  CANCELED: 'CANCELED',
  FAILED: 'FAILED',
  CRASHED: 'FAILED',
  INTERRUPTED: 'FAILED',
  SYSTEM_FAILURE: 'FAILED',
} as const satisfies Record<RunStatus, RunAttempt['status'] | undefined>;

function seedAttempts(run: Omit<Run, 'attempts'>, fault: RunError): RunAttempt[] {
  const status = LAST_ATTEMPT[run.status];
  if (status === undefined) return [];
  const { createdAt, updatedAt, startedAt, finishedAt } = run;
  const name = run.id.replace('run_', 'attempt_');
  const times = { createdAt, updatedAt, startedAt };
  const failed = {
    ...times,
    id: `${name}_1`,
    status: 'FAILED',
    completedAt: updatedAt,
    error: fault,
  } as const;
  if (run.status === 'FAILED') return [failed, { ...failed, id: `${name}_2` }];
  if (status === 'PENDING') return [failed, { id: `${name}_2`, status, createdAt: updatedAt, updatedAt }];
  return [{ ...times, id: `${name}_1`, status, completedAt: finishedAt, error: run.error }];
}

function seedOutput(bytes: Buffer, caption: string): Run['output'] {
  const file = bytes.toString('hex', 12, 18);
  return {
    videoSourceUrl: `https://media.recoup.example/clips/${file}/clip.mp4`,
    imageUrl: `https://media.recoup.example/clips/${file}/still.png`,
    captionText: caption,
    template: pick(TEMPLATES, bytes.readUInt8(2)),
    lipsync: bytes.readUInt8(3) % 2 === 0,
    audio: {
      songTitle: `Take ${bytes.readUInt8(4)}`,
      songFilename: `take-${bytes.readUInt8(4)}.mp3`,
      startSeconds: bytes.readUInt8(5) / 2,
      durationSeconds: 10 + (bytes.readUInt8(6) % 20),
      clipLyrics: pick(LINES, bytes.readUInt8(7)),
      clipMood: pick(MOODS, bytes.readUInt8(8)),
    },
  };
}

/**
 * Creates a run of a task. Index 0 is the newest run, so that a long history begins with the same runs as a short
 * history.
 */
function seedRun(task: number, index: number): Run {
  const bytes = bytesOf(`task/${task}/run/${index}`);
  const status = statusOf(index, bytes);
  const started = !among(NOT_STARTED, status);
  const ended = started && !among(UNDER_WAY, status);
  const createdMs = NEWEST_RUN_AT_MS - index * BETWEEN_RUNS_MS - (task % 15) * MINUTE_MS;
  const startedMs = createdMs + 1_000;
  const durationMs = started ? 20_000 + bytes.readUInt16BE(2) : 0;
  const lines = [9, 11, 13, 15, 17, 19].map((offset) => pick(LINES, bytes.readUInt8(offset)));
  const fault = seedFault(bytes);
  const run = {
    id: `run_${bytes.toString('hex', 20)}`,
    status,
    taskIdentifier: 'create-content',
    triggerFunction: 'trigger',
    createdAt: instant(createdMs),
    updatedAt: instant(started ? startedMs + durationMs : createdMs),
    startedAt: started ? instant(startedMs) : null,
    finishedAt: ended ? instant(startedMs + durationMs) : null,
    delayedUntil: status === 'DELAYED' ? instant(createdMs + 60 * MINUTE_MS) : null,
    expiredAt: null,
    ttl: '1h',
    idempotencyKey: `${uuidOf(`task/${task}`)}/${index}`,
    version: `20261110.${bytes.readUInt8(1) % 9}`,
    isTest: false,
    tags: ['seed', `task-${task + 1}`],
    metadata: { step: status === 'COMPLETED' ? 'done' : 'render-video', notes: lines.slice(2, 4) },
    costInCents: durationMs / 20_000,
    baseCostInCents: 0.0025,
    durationMs,
    env: { id: 'env_prod', name: 'production', user: null },
    depth: 0,
    batchId: null,
    payload: { prompt: lines.join(' '), taskId: uuidOf(`task/${task}`), length: 'short' },
    output: status === 'COMPLETED' ? seedOutput(bytes, lines.slice(0, 3).join(' ')) : null,
    error: among(FAULTS, status) ? fault : null,
    schedule: { id: scheduleIdOf(task), generator: { type: 'CRON', description: 'As the task says' } },
    relatedRuns: { root: null, parent: null, children: [] },
  } satisfies Run;
  return { ...run, attempts: seedAttempts(run, fault) };
}

/** Yields the runs of the task with this index, newest first. */
export function* seedRuns(task: number, count: number): Generator<Run> {
  for (let index = 0; index < count; index += 1) yield seedRun(task, index);
}

/**
 * Yields the plan's tasks with their runs. A plan with more tasks or runs yields the same documents, then more. With
 * another number of accounts, the tasks have other owners.
 */
export function* seedTasks(plan: SeedPlan): Generator<TaskWithRuns> {
  for (let index = 0; index < plan.tasks; index += 1) {
    yield { task: seedTask(index, plan.accounts), runs: seedRuns(index, plan.runs) };
  }
}
