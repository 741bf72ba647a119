import { type Client, type World, jsonRequest, outcomeText, otherThan, tasksOf } from './client.ts';
import type { Endpoint, Exchange } from './exchange.ts';
import type { Random } from './random.ts';
import type { Fields, TaskModel } from './task-model.ts';

/**
 * Maximum number of tasks per owner, so that listings do not grow without limit. An owner with that many tasks deletes
 * one before it creates another.
 */
const MAX_TASKS = 25;
/**
 * How long to wait after the last fault before treating the outcome of an unanswered request as final: the request has
 * been applied, or it never will be. Until then, it may still be waiting in a stalled process or in the database.
 */
const REST_MS = 6_000;
/** Maximum number of answered creations that are kept for the final audit, which repeats them. */
const MAX_ANSWERED = 20;
const SCHEDULES = ['0 9 * * 4', '*/5 * * * *', '30 2 * * *', '0 0 29 2 *', '15 8-18/2 * * MON-FRI'];

/** The creation of a task with an Idempotency-Key, so that the request can be repeated. */
export interface KeyedCreation {
  task: TaskModel;
  key: string;
  body: object;
  notBefore: number;
}

/**
 * A client that creates, changes and deletes its own tasks, and checks each acknowledged change on another instance.
 */
export class Owner implements Client {
  readonly unanswered: KeyedCreation[] = [];
  /** The creations that were answered last, at most MAX_ANSWERED. */
  readonly answered: KeyedCreation[] = [];
  readonly #name: string;
  readonly #world: World;
  readonly #random: Random;
  readonly #tasks: TaskModel[] = [];
  #count = 0;

  constructor(name: string, world: World, random: Random) {
    this.#name = name;
    this.#world = world;
    this.#random = random;
  }

  async step(): Promise<void> {
    const random = this.#random;
    const instance = random.pick(this.#world.instances);
    this.#count += 1;
    const due = this.unanswered.find(({ notBefore }) => notBefore < performance.now());
    if (due && random.chance(0.5)) return this.repeat(due, instance);
    const { calmMs } = this.#world.faults;
    const free = this.#tasks.filter(({ id, restsUntilMs }) => id !== undefined && restsUntilMs <= calmMs);
    if (free.length === 0 || (this.#tasks.length < MAX_TASKS && random.chance(0.25)))
      return this.#create(instance);
    const task = random.pick(free);
    if (this.#tasks.length >= MAX_TASKS || random.chance(0.08)) await this.#delete(task, instance);
    else await this.#change(task, instance);
  }

  /** Sends a create request with an idempotency key: the first attempt, or a retry with the same key. */
  async repeat(due: KeyedCreation, instance: Endpoint): Promise<void> {
    const asked = jsonRequest('POST', '/api/tasks', due.body, { headers: { 'Idempotency-Key': due.key } });
    const ended = await this.#world.sender.send(instance, 'create with key', asked);
    due.task.note(`created with key at ${instance.name}: ${outcomeText(ended)}`);
    this.#created(due.task, ended);
    if (due.task.id !== undefined) this.#settle(due);
    else due.notBefore = performance.now() + 500;
  }

  #settle(due: KeyedCreation): void {
    const at = this.unanswered.indexOf(due);
    if (at === -1) return;
    this.unanswered.splice(at, 1);
    this.answered.push(due);
    if (this.answered.length > MAX_ANSWERED) this.answered.shift();
  }

  #fields(): Fields {
    const { accounts, artists } = this.#world;
    const random = this.#random;
    return {
      title: `${this.#name} ${this.#count}`,
      schedule: random.pick(SCHEDULES),
      enabled: random.chance(0.8),
      model: random.chance(0.5) ? `model ${this.#count}` : null,
      account_id: random.pick(accounts),
      artist_account_id: random.pick(artists),
    };
  }

  async #create(instance: Endpoint): Promise<void> {
    const { model, sender } = this.#world;
    const fields = this.#fields();
    const prompt = `task ${this.#count} of ${this.#name}`;
    const body = { ...fields, prompt };
    const task = model.creation(prompt, fields);
    this.#tasks.push(task);
    if (this.#random.chance(0.3)) {
      const ended = await sender.send(instance, 'create', jsonRequest('POST', '/api/tasks', body));
      task.note(`created at ${instance.name}: ${outcomeText(ended)}`);
      this.#created(task, ended);
      // Without a reply, the task may exist or not. Only a listing could reveal its id.
      if (task.id === undefined) this.#forget(task);
      return;
    }
    const due = { task, key: prompt.replaceAll(' ', '-'), body, notBefore: 0 };
    this.unanswered.push(due);
    const twin = this.#random.chance(0.2) ? this.repeat(due, instance) : undefined;
    await Promise.all([twin, this.repeat(due, this.#random.pick(this.#world.instances))]);
    if (task.id !== undefined) await this.#lookAt(task, otherThan(instance, this.#world, this.#random));
  }

  #created(task: TaskModel, ended: Exchange): void {
    const { model } = this.#world;
    if (ended.outcome !== 'replied') return;
    const [created] = tasksOf(ended.text);
    if (ended.status === 200 && created) {
      if (task.id !== undefined && task.id !== created.id)
        model.findings.add(
          'wrong',
          `the creation of "${task.prompt}" made ${task.id}, then ${created.id}`,
          task.history,
        );
      task.id ??= created.id;
      task.createdAckedAt = Math.min(task.createdAckedAt, ended.to);
    } else if (ended.status !== 503)
      model.findings.add(
        'wrong',
        `the creation of "${task.prompt}" was refused: ${ended.text}`,
        task.history,
      );
  }

  async #change(task: TaskModel, instance: Endpoint): Promise<void> {
    const { sender } = this.#world;
    const random = this.#random;
    const { title, account_id: _owner, ...others } = this.#fields();
    const changed = random.pick(Object.entries(others));
    const fields: Partial<Fields> = { title, ...(random.chance(0.6) && Object.fromEntries([changed])) };
    const acknowledge = task.change(fields, performance.now());
    const asked = jsonRequest('PATCH', '/api/tasks', { id: task.id, ...fields }, this.#leaving());
    const ended = await sender.send(instance, 'change', asked);
    task.note(`${JSON.stringify(fields)} at ${instance.name}: ${outcomeText(ended)}`);
    if (ended.outcome === 'replied' && ended.status === 200) acknowledge(ended.to);
    else this.#lostSight(task, ended);
    await this.#lookAt(task, otherThan(instance, this.#world, random));
  }

  async #delete(task: TaskModel, instance: Endpoint): Promise<void> {
    const isRepeated = task.deleteSentAt < Number.POSITIVE_INFINITY;
    task.deleteSentAt = Math.min(task.deleteSentAt, performance.now());
    const asked = jsonRequest('DELETE', '/api/tasks', { id: task.id }, this.#leaving());
    const ended = await this.#world.sender.send(instance, 'delete', asked);
    task.note(`deleted at ${instance.name}: ${outcomeText(ended)}`);
    const isGone =
      ended.outcome === 'replied' && (ended.status === 200 || (isRepeated && ended.status === 404));
    if (!isGone) return this.#lostSight(task, ended);
    task.deleteAckedAt = ended.to;
    this.#forget(task);
    await this.#lookAt(task, otherThan(instance, this.#world, this.#random));
  }

  /**
   * Leaves a task alone for a while after an unacknowledged request. The service may still apply that request, even
   * after later ones. Reports a refusal as a finding.
   */
  #lostSight(task: TaskModel, ended: Exchange): void {
    const { findings } = this.#world.model;
    if (ended.outcome === 'refused') return;
    if (ended.outcome === 'replied' && ended.status !== 503) {
      // The task may be gone if an earlier request to delete it got no reply.
      const mayBeGone = ended.status === 404 && task.deleteSentAt < ended.to;
      if (!mayBeGone)
        findings.add(
          ended.status === 404 ? 'lost' : 'wrong',
          `a request for task ${task.id} was refused: ${ended.text}`,
          task.history,
        );
    }
    task.restsUntilMs = this.#world.faults.calmMs + REST_MS;
  }

  /** Reads the task from an instance, and checks that the reply contains every acknowledged change. */
  async #lookAt(task: TaskModel, instance: Endpoint): Promise<void> {
    const { model, sender } = this.#world;
    const path = `/api/tasks?id=${task.id}`;
    const reply = await sender.get(instance, 'list one', path, {
      conditional: this.#random.chance(0.5),
      gzip: this.#random.chance(0.3),
    });
    if (reply?.status !== 200) return;
    const [seen, second] = tasksOf(reply.text);
    if (seen) model.see(seen, reply);
    else if (task.mustBeThere(reply))
      model.findings.add('lost', `${instance.name} does not have task ${task.id}`, task.history);
    if (second) model.findings.add('wrong', `${path} returned more than one task`, task.history);
  }

  #leaving(): { leaveAfterMs?: number } {
    return this.#random.chance(0.03) ? { leaveAfterMs: this.#random.below(15) } : {};
  }

  #forget(task: TaskModel): void {
    this.#tasks.splice(this.#tasks.indexOf(task), 1);
  }
}
