import type { Run, RunsResponse, Task, TasksResponse } from '../../generated/types.gen.ts';
import { type Client, type World, runsOf } from './client.ts';
import type { Endpoint } from './exchange.ts';
import type { Random } from './random.ts';
import type { TaskModel } from './task-model.ts';

const MAX_PAGES = 40;

type Filter = { account_id?: string; artist_account_id?: string; enabled?: boolean };

/**
 * A client that reads tasks and runs with various filters and page sizes, and compares the replies with what was
 * requested.
 */
export class Reader implements Client {
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  async step(): Promise<void> {
    const random = this.#random;
    const instance = random.pick(this.#world.instances);
    const choice = random.below(10);
    if (choice < 2) await this.listAll(instance, {});
    else if (choice < 4) await this.listAll(instance, this.#filter());
    else if (choice < 6) await this.listPages(instance, random.chance(0.5) ? {} : this.#filter());
    else if (choice < 9) await this.#listRuns(instance);
    else await this.#oneRun(instance);
  }

  #filter(): Filter {
    const { accounts, artists } = this.#world;
    return this.#random.pick<Filter>([
      { account_id: this.#random.pick(accounts) },
      { artist_account_id: this.#random.pick(artists) },
      { enabled: this.#random.chance(0.5) },
      { account_id: this.#random.pick(accounts), enabled: true },
    ]);
  }

  /** Lists all matching tasks in one request. @returns undefined if the request failed */
  async listAll(instance: Endpoint, filter: Filter): Promise<Task[] | undefined> {
    const path = pathOf('/api/tasks', filter);
    const reply = await this.#get(instance, 'list all', path);
    if (reply?.status !== 200) return undefined;
    const { tasks }: TasksResponse = JSON.parse(reply.text);
    this.#world.model.seeListing(tasks, filter, reply, `${instance.name} ${path}`);
    return tasks;
  }

  /**
   * Lists all matching tasks page by page: the first page from `instance`, each other page from a random instance.
   * @returns undefined if a request failed
   */
  async listPages(instance: Endpoint, filter: Filter): Promise<Task[] | undefined> {
    const limit = this.#random.between(5, 60);
    const tasks: Task[] = [];
    let cursor: string | undefined;
    let from = Number.POSITIVE_INFINITY;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const reply = await this.#get(
        page === 0 ? instance : this.#random.pick(this.#world.instances),
        'list page',
        pathOf('/api/tasks', { ...filter, limit, cursor }),
      );
      if (reply?.status !== 200) return undefined;
      const body: TasksResponse = JSON.parse(reply.text);
      from = Math.min(from, reply.from);
      // Check each task against the time of its own page, but the completeness of the listing against the time of all
      // pages.
      for (const task of body.tasks) this.#world.model.see(task, reply);
      tasks.push(...body.tasks);
      cursor = body.next_cursor;
      if (cursor !== undefined) continue;
      this.#world.model.seeListing(
        tasks,
        filter,
        { from, to: reply.to },
        `pages of ${limit} ${pathOf('', filter)}`,
      );
      return tasks;
    }
    return undefined;
  }

  async #listRuns(instance: Endpoint): Promise<void> {
    const { model, accounts } = this.#world;
    const random = this.#random;
    if (model.alive.length === 0 || random.chance(0.3)) {
      const filter = random.pick([{}, { account_id: random.pick(accounts) }, { status: 'COMPLETED,FAILED' }]);
      const reply = await this.#get(
        instance,
        'list runs',
        pathOf('/api/tasks/runs', { ...filter, limit: 50 }),
      );
      if (reply?.status === 200) for (const run of runsOf(reply.text).runs) model.seeRun(run, reply);
      return;
    }
    await this.#readHistory(instance, random.pick(model.alive), random.between(1, 3));
  }

  async wholeHistory(instance: Endpoint, task: TaskModel): Promise<void> {
    await this.#readHistory(instance, task, Number.POSITIVE_INFINITY);
  }

  async #readHistory(instance: Endpoint, task: TaskModel, maxPages: number): Promise<void> {
    const { model } = this.#world;
    const random = this.#random;
    const runs: Run[] = [];
    let cursor: string | undefined;
    let from = Number.POSITIVE_INFINITY;
    for (let page = 0; page < maxPages; page += 1) {
      const query = { task_id: task.id, limit: random.between(20, 100), cursor };
      const reply = await this.#get(instance, 'list runs', pathOf('/api/tasks/runs', query));
      if (reply?.status !== 200) return;
      const body: RunsResponse = runsOf(reply.text);
      from = Math.min(from, reply.from);
      for (const run of body.runs) model.seeRun(run, reply);
      runs.push(...body.runs);
      cursor = body.next_cursor;
      model.seeHistory(task, runs, cursor === undefined, { from, to: reply.to });
      if (cursor === undefined) return;
    }
  }

  async #oneRun(instance: Endpoint): Promise<void> {
    const { model } = this.#world;
    const known = [...model.runIds];
    if (known.length === 0) return;
    const id = this.#random.pick(known);
    const reply = await this.#get(instance, 'one run', pathOf('/api/tasks/runs', { runId: id }));
    const of = model.runOf(id);
    if (reply?.status === 200) for (const run of runsOf(reply.text).runs) model.seeRun(run, reply);
    else if (reply?.status === 404 && (of?.run.ackedAt ?? Number.POSITIVE_INFINITY) < reply.from)
      model.findings.add('lost', `${instance.name} does not have run ${id}`, of?.task.history);
  }

  #get(instance: Endpoint, kind: string, path: string) {
    const random = this.#random;
    const options = { conditional: random.chance(0.5), gzip: random.chance(0.4) };
    return this.#world.sender.get(instance, kind, path, options);
  }
}

function pathOf(path: string, query: Record<string, string | number | boolean | undefined>): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length > 0 ? `${path}?${new URLSearchParams(given)}` : path;
}
