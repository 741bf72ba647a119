import type { CreateTaskRequest } from '../../generated/types.gen.ts';
import { type Client, type World, jsonRequest, runsOf, tasksOf } from './client.ts';
import type { Endpoint, Exchange } from './exchange.ts';
import type { Random } from './random.ts';

const TASKS = 3;

/** A run that the client has requested. Each request for it has the same Idempotency-Key, `key`. */
export interface StartedRun {
  key: string;
  taskId: string;
  /** The run's id; undefined until the service has acknowledged a request for the run. */
  id: string | undefined;
}

/** A client that creates tasks that fire every minute, runs them, and cancels a few of their runs. */
export class Starter implements Client {
  /** Ids of the tasks, which the client creates once and never changes. */
  readonly tasks: string[] = [];
  readonly runs: StartedRun[] = [];
  /** Ids of runs whose cancellation was requested. */
  readonly canceled = new Set<string>();
  readonly #name: string;
  readonly #world: World;
  readonly #random: Random;
  #count = 0;
  /** The body of the request that creates the next task; undefined once the service has acknowledged the creation. */
  #next: CreateTaskRequest | undefined;

  constructor(name: string, world: World, random: Random) {
    this.#name = name;
    this.#world = world;
    this.#random = random;
  }

  async step(): Promise<void> {
    const random = this.#random;
    if (this.tasks.length < TASKS) return this.#create();
    const unanswered = this.runs.filter(({ id }) => id === undefined);
    if (unanswered.length > 0 && random.chance(0.5)) return this.ask(random.pick(unanswered));
    const known = this.runs.filter(({ id }) => id !== undefined);
    if (known.length > 0 && random.chance(0.1)) return this.#cancel(random.pick(known.slice(-5)));
    if (known.length > 0 && random.chance(0.1)) return this.ask(random.pick(known.slice(-50)));
    this.#count += 1;
    const run = { key: `${this.#name}-${this.#count}`, taskId: random.pick(this.tasks), id: undefined };
    this.runs.push(run);
    await this.ask(run);
  }

  /** Requests a run, for the first time or again. The service must return the same run each time. */
  async ask(run: StartedRun, instance?: Endpoint): Promise<void> {
    const { sender, model, instances } = this.#world;
    const { key, taskId } = run;
    const asked = jsonRequest(
      'POST',
      '/api/tasks/runs',
      { task_id: taskId, payload: { key } },
      { headers: { 'Idempotency-Key': key } },
    );
    const ended = await sender.send(instance ?? this.#random.pick(instances), 'run task', asked);
    // Assume nothing about the run: even after 429 or 503, an earlier request with the key may have queued it.
    if (ended.outcome !== 'replied' || [429, 503].includes(ended.status)) return;
    if (ended.status !== 200) return this.#refused('runTask', ended);
    const [started] = runsOf(ended.text).runs;
    if (run.id !== undefined && run.id !== started?.id)
      model.findings.add(
        'wrong',
        `the key ${key} started run ${run.id}, and when repeated run ${started?.id}`,
      );
    run.id = started?.id;
  }

  async #cancel({ id }: StartedRun): Promise<void> {
    const { sender, instances } = this.#world;
    if (id !== undefined) this.canceled.add(id);
    const asked = jsonRequest('POST', '/api/tasks/runs/cancel', { runId: id });
    const ended = await sender.send(this.#random.pick(instances), 'cancel run', asked);
    if (ended.outcome === 'replied' && ended.status !== 200 && ended.status !== 503)
      this.#refused('cancelRun', ended);
  }

  async #create(): Promise<void> {
    const { sender, instances, accounts, artists } = this.#world;
    const random = this.#random;
    // A repeated request with the same key must have the same body.
    this.#next ??= {
      title: `${this.#name} ${this.tasks.length}`,
      prompt: `task ${this.tasks.length} of ${this.#name}`,
      schedule: '* * * * *',
      account_id: random.pick(accounts),
      artist_account_id: random.pick(artists),
      overlap: random.pick(['skip', 'queue', 'allow']),
      max_attempts: random.between(1, 2),
    };
    const headers = { 'Idempotency-Key': `${this.#name}-task-${this.tasks.length}` };
    const asked = jsonRequest('POST', '/api/tasks', this.#next, { headers });
    const ended = await sender.send(random.pick(instances), 'create with key', asked);
    if (ended.outcome !== 'replied' || ended.status === 503) return;
    const [created] = ended.status === 200 ? tasksOf(ended.text) : [];
    if (created) {
      this.tasks.push(created.id);
      this.#next = undefined;
    } else this.#refused('createTask', ended);
  }

  #refused(what: string, ended: Exchange): void {
    const text = ended.outcome === 'replied' ? ended.text : ended.outcome;
    this.#world.model.findings.add('wrong', `${what} was refused: ${text}`);
  }
}
