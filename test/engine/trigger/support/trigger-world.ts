import { expect, jest } from '@jest/globals';
import { pino } from 'pino';
import { createTask, listRuns, listTasks } from '../../../../generated/sdk.gen.ts';
import type { CreateTaskRequest, Run, RunReport, Task } from '../../../../generated/types.gen.ts';
import type { Engine } from '../../../../src/engine/port.ts';
import { createTriggerClient } from '../../../../src/engine/trigger/client.ts';
import { triggerParts } from '../../../../src/engine/trigger/parts.ts';
import { startTriggerEngine } from '../../../../src/engine/trigger/trigger-engine.ts';
import { recordOf } from '../../../../src/store/run-record.ts';
import { ACCOUNT, ARTIST } from '../../../support/builders.ts';
import { type Service, startService } from '../../../support/service.ts';
import { type Around, watched } from '../../support/engine-process.ts';
import { VirtualTime } from '../../support/virtual-time.ts';
import { API_VERSION, type StubRun, describeRun } from './stub-runs.ts';
import { KEY, type StubSchedule, TASK, TriggerStub } from './stub.ts';
import { START, SyncProcess } from './sync-world.ts';

const SECOND = 1_000;
/** Collections that the engine reads or writes. */
const EMPTIED = [
  'tasks',
  'runs',
  'run_queue',
  'engine',
  'trigger',
  'deleted_tasks',
  'cancel_requests',
] as const;

/** A process that runs the Trigger.dev engine. */
export interface TriggerProcess extends Pick<SyncProcess, 'killAt' | 'moments' | 'isAlive'> {
  engine: Engine;
}

/** The whole service with engines of Trigger.dev on virtual time. Each world has its own stub; all share the service. */
export class TriggerWorld {
  readonly time = new VirtualTime({ tickMs: SECOND });
  readonly service: Service;
  stub: TriggerStub;
  readonly #processes: { process: SyncProcess; engine: Engine }[] = [];
  readonly #startMs: number;

  private constructor(service: Service, start: Date) {
    this.service = service;
    this.#startMs = start.getTime();
    this.stub = new TriggerStub({ now: () => this.now });
    Object.defineProperty(service.clock, 'now', { get: () => this.now, configurable: true });
    const { fetch } = globalThis;
    jest.spyOn(globalThis, 'fetch').mockImplementation((input, init) => {
      const { stub } = this;
      if (!(typeof input === 'string' && input.startsWith(stub.url))) return fetch(input, init);
      return this.time.during(() => stub.fetch(input, init));
    });
  }

  /** Starts the service of a test file, which shows the state of the engine that was started last. */
  static serve(): Promise<Service> {
    const engine = () => current?.engine;
    return startService('none', {
      engineState: () => engine()?.state(),
      onQueued: () => engine()?.wake(),
    });
  }

  /** Empties the database. */
  static async open(service: Service, start = START): Promise<TriggerWorld> {
    for (const name of EMPTIED) await service.collections[name].deleteMany({});
    current = new TriggerWorld(service, start);
    return current;
  }

  get now(): Date {
    return new Date(this.#startMs + this.time.ms);
  }

  /** The engine of the process that was started last. */
  get engine(): Engine | undefined {
    return this.#processes.at(-1)?.engine;
  }

  /**
   * Starts a process.
   * @param options.killAt - the moment at which it is killed; each call to Trigger.dev or the database has two
   */
  async start({
    secretKey = KEY,
    task = TASK,
    killAt = Infinity,
  }: { secretKey?: string; task?: string; killAt?: number } = {}): Promise<TriggerProcess> {
    const process = new SyncProcess(this.time, this.now);
    process.killAt = killAt;
    const { clock, ending } = process;
    const settings = { task, secretKey, apiUrl: this.stub.url, prefix: 'recoup-' };
    const toDatabase: Around = (_name, call) => process.call(() => this.time.during(async () => call()));
    const toTrigger: Around = (_name, call) => process.call(async () => call());
    const { collections } = this.service;
    const engine = startTriggerEngine({
      collections: {
        ...collections,
        tasks: watched(collections.tasks, toDatabase),
        runs: watched(collections.runs, toDatabase),
        run_queue: watched(collections.run_queue, toDatabase),
        engine: watched(collections.engine, toDatabase),
        trigger: watched(collections.trigger, toDatabase),
        deleted_tasks: watched(collections.deleted_tasks, toDatabase),
        cancel_requests: watched(collections.cancel_requests, toDatabase),
      },
      api: watched(await createTriggerClient({ settings, clock, signal: ending.signal }), toTrigger),
      settings,
      parts: triggerParts,
      log: pino({ level: 'silent' }),
      clock,
    });
    this.#processes.push({ process, engine });
    await this.time.quiet();
    return Object.assign(process, { engine });
  }

  async pass(seconds: number): Promise<void> {
    await this.time.pass(seconds * SECOND);
  }

  /** Stops the processes as on SIGTERM, those that were killed aside. */
  async stop(): Promise<void> {
    const ended = this.#processes.splice(0).map(async ({ process, engine }) => {
      process.ending.abort();
      if (process.isAlive) await engine.stop();
    });
    await this.time.quiet();
    await Promise.all(ended);
  }

  async close(): Promise<void> {
    await this.stop();
    jest.restoreAllMocks();
    await this.stub.close();
  }

  /** Creates a task over HTTP. */
  async create(fields: Partial<CreateTaskRequest> = {}): Promise<Task> {
    const { data } = await createTask({
      client: this.service.client,
      throwOnError: true,
      body: {
        title: 'Captions',
        prompt: 'Write a caption.',
        schedule: '0 9 * * 4',
        account_id: ACCOUNT,
        artist_account_id: ARTIST,
        ...fields,
      },
    });
    return sole(data.tasks);
  }

  /** Returns the task as the API shows it. */
  async task(id: string): Promise<Task> {
    const { client } = this.service;
    return sole((await listTasks({ client, throwOnError: true, query: { id } })).data.tasks);
  }

  async tasks(): Promise<Task[]> {
    const { client } = this.service;
    return (await listTasks({ client, throwOnError: true })).data.tasks;
  }

  /** Returns the run as the API shows it. */
  async run(runId: string): Promise<Run> {
    const { client } = this.service;
    return sole((await listRuns({ client, throwOnError: true, query: { runId } })).data.runs);
  }

  /** Returns the schedule of a task. */
  schedule(taskId: string): StubSchedule {
    return sole([...this.stub.schedules.values()].filter(({ externalId }) => externalId === taskId));
  }

  /** Fires the schedule of a task. */
  fire(taskId: string): StubRun {
    return this.stub.fire(this.schedule(taskId).id);
  }

  /** Expects that each task has one schedule as the task wants it, and that there is no other active one. */
  async expectSchedules(): Promise<void> {
    const expected = (await this.tasks()).flatMap(({ id, enabled, schedule, timezone, ...task }) => {
      if (!enabled && task.trigger_schedule_id === null) return [];
      const fields = { cron: schedule, timezone: timezone ?? 'UTC', active: enabled };
      return [{ id: task.trigger_schedule_id, externalId: id, task: TASK, ...fields }];
    });
    const found = [...this.stub.schedules.values()].map(
      ({ deduplicationKey: _key, type: _type, window: _window, ...schedule }) => schedule,
    );
    const ofTask = (one: { externalId?: string }) => one.externalId ?? '';
    const inOrder = <One extends { externalId?: string }>(all: One[]) =>
      all.toSorted((one, other) => (ofTask(one) < ofTask(other) ? -1 : 1));
    expect(inOrder(found)).toEqual(inOrder(expected));
  }

  /**
   * Expects that the API shows each run at Trigger.dev field by field, and no others.
   * @param canceled - runs that may have been canceled before they were handed over
   */
  async expectRuns(canceled: string[] = []): Promise<void> {
    const headers = new Headers({ 'x-trigger-api-version': API_VERSION });
    const expected = [...this.stub.runs.values()].map((run): [string, object] => {
      const report: RunReport = JSON.parse(JSON.stringify(describeRun(run, headers, '')));
      const id = run.idempotencyKey ?? run.id;
      const { task_id }: { task_id: string } = { task_id: Object(run.payload).externalId };
      return [id, { ...JSON.parse(JSON.stringify(recordOf(report))), id, task_id }];
    });
    const { runs } = this.service.collections;
    const ids = (await runs.find({}, { projection: { _id: 1 } }).toArray()).map(({ _id }) => _id);
    const found = await Promise.all(
      ids.map(async (id): Promise<[string, object]> => {
        const { title: _title, ...run } = await this.run(id);
        return [id, run];
      }),
    );
    expect(new Set(expected.map(([id]) => id)).size).toBe(expected.length);
    const arrived = new Map(expected);
    const isKept = ([id, run]: [string, object]) =>
      !arrived.has(id) && canceled.includes(id) && 'status' in run && run.status === 'CANCELED';
    expect(new Map(found.filter((one) => !isKept(one)))).toEqual(arrived);
  }
}

let current: TriggerWorld | undefined;

export function sole<One>(all: One[]): One {
  const [first] = all;
  if (all.length !== 1 || first === undefined) throw new Error(`There are ${all.length} instead of 1.`);
  return first;
}
