import { once } from 'node:events';
import { get } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { WrongReply } from './load.ts';

/** A reply with its body as received. */
export interface WholeReply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** Sends one request, and returns the whole reply. */
export async function fetchWhole(
  url: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<WholeReply> {
  const request = get(`${url}${path}`, { headers, agent: false });
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
}

/**
 * Returns the path of the first difference between two JSON values, such as `.tasks[3].title`; undefined if they are
 * equal.
 */
function differenceOf(one: unknown, other: unknown, path = ''): string | undefined {
  if (isDeepStrictEqual(one, other)) return undefined;
  const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
  if (!isObject(one) || !isObject(other)) return path;
  const [some, others] = [new Map(Object.entries(one)), new Map(Object.entries(other))];
  for (const key of new Set([...some.keys(), ...others.keys()])) {
    const inner = differenceOf(some.get(key), others.get(key), `${path}.${key}`);
    if (inner !== undefined) return inner;
  }
  return path;
}

/**
 * Compares a reply of listTasks with the reference.
 * @throws WrongReply if they differ or list no tasks
 */
export function checkSame(variant: string, path: string, reply: WholeReply, reference: WholeReply): void {
  const wrong = (problem: string) => new WrongReply(path, `${variant}: ${problem}`);
  if (reply.status !== 200) throw wrong(`status ${reply.status}, ${reply.body.toString().slice(0, 200)}`);
  const value = JSON.parse(reply.body.toString());
  const difference = differenceOf(value, JSON.parse(reference.body.toString()));
  if (difference !== undefined) throw wrong(`it replies otherwise than the service, at "${difference}"`);
  if (!Array.isArray(value.tasks) || value.tasks.length === 0) throw wrong('it lists no tasks');
}
