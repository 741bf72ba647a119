import { type Client, type World, jsonRequest } from './client.ts';
import type { RequestOptions } from './exchange.ts';
import type { Random } from './random.ts';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';

/** Requests that the service must refuse, each with the expected status. */
const REFUSED: { asked: RequestOptions; status: number }[] = [
  { asked: { method: 'GET', path: '/api/tasks?id=not-a-uuid' }, status: 400 },
  { asked: { method: 'GET', path: '/api/tasks?limit=0' }, status: 400 },
  { asked: { method: 'GET', path: '/api/tasks?titel=x' }, status: 400 },
  { asked: { method: 'GET', path: '/api/tasks?limit=5&cursor=AAAA' }, status: 400 },
  { asked: { method: 'GET', path: '/api/tasks', headers: { Accept: 'text/csv' } }, status: 406 },
  { asked: { method: 'GET', path: '/api/tasks/runs?runId=nobody' }, status: 404 },
  { asked: { method: 'GET', path: '/api/task' }, status: 404 },
  { asked: { method: 'TRACE', path: '/api/tasks' }, status: 405 },
  { asked: jsonRequest('POST', '/api/tasks', { title: 'without the rest' }), status: 400 },
  { asked: { ...jsonRequest('POST', '/api/tasks', {}), body: '{"title": ' }, status: 400 },
  { asked: jsonRequest('PATCH', '/api/tasks', { id: UNKNOWN, title: 'nobody' }), status: 404 },
  { asked: jsonRequest('DELETE', '/api/tasks', { id: UNKNOWN }), status: 404 },
  { asked: jsonRequest('PUT', '/api/tasks/runs', { task_id: UNKNOWN, runs: [] }), status: 400 },
];
/** Delay before a slow client reads the next chunk of a listing. Such a client must not delay others. */
const PAUSE_MS = 150;

/** A client that sends invalid requests, reads slowly, or disconnects early. */
export class InvalidClient implements Client {
  readonly #world: World;
  readonly #random: Random;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  async step(): Promise<void> {
    const { sender, instances } = this.#world;
    const random = this.#random;
    const instance = random.pick(instances);
    const choice = random.below(4);
    if (choice === 0) {
      await sender.get(instance, 'slow reader', '/api/tasks', {
        conditional: false,
        gzip: random.chance(0.3),
        pauseMs: PAUSE_MS,
      });
    } else if (choice === 1) {
      const leaveAfterMs = random.below(30);
      await sender.send(instance, 'leaves', { method: 'GET', path: '/api/tasks', leaveAfterMs });
    } else await this.#refused();
  }

  async #refused(): Promise<void> {
    const { sender, instances, model } = this.#world;
    const { asked, status } = this.#random.pick(REFUSED);
    const ended = await sender.send(this.#random.pick(instances), 'bad request', asked);
    if (ended.outcome === 'replied' && ended.status !== status && ended.status !== 503)
      model.findings.add(
        'wrong',
        `${asked.method} ${asked.path} was answered ${ended.status}, not ${status}`,
      );
  }
}
