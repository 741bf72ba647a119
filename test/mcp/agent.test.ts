/** An agent's loop: a scripted model chooses a tool after each result, and a program calls it as MCP clients do. */
import type { CallToolResult, Client } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ACCOUNT, ARTIST } from '../support/builders.ts';
import { countOf } from '../support/count.ts';
import { at } from '../support/json.ts';
import { type Era, connectMcp } from '../support/mcp.ts';
import { liveEngine } from '../support/queue.ts';
import { NOW, type Service, startService } from '../support/service.ts';

let service: Service;
let key: string;
beforeAll(async () => {
  service = await startService('required');
  await service.collections.accounts.insertOne({ _id: ACCOUNT });
  await liveEngine(service.collections);
  key = (await service.keys.create({ name: 'agent', accountId: ACCOUNT }, NOW)).key;
});
afterAll(() => service.close());

interface ToolUse {
  name: string;
  arguments: Record<string, unknown>;
}

/** Chooses the next tool from the results so far; undefined when the work is done. */
type Model = (results: CallToolResult[]) => ToolUse | undefined;

/** Calls what the model chooses, and once more where no answer came. */
async function loop(client: Client, model: Model): Promise<CallToolResult[]> {
  const results: CallToolResult[] = [];
  for (let use = model(results); use; use = model(results)) {
    const call = () => client.callTool(use);
    results.push(await call().catch(call));
  }
  return results;
}

/** A fetch that loses the reply to the first call of each of these tools, after the service has sent it. */
function losingRepliesTo(names: string[]): { send: typeof fetch; lost: string[] } {
  const lost: string[] = [];
  return {
    lost,
    send: async (input, init) => {
      const response = await fetch(input, init);
      const body: unknown = typeof init?.body === 'string' ? JSON.parse(init.body) : undefined;
      const name = String(at(body, 'params', 'name'));
      if (!names.includes(name) || lost.includes(name)) return response;
      await response.text();
      lost.push(name);
      throw new TypeError('The connection was lost.');
    },
  };
}

const idOf = (result: CallToolResult | undefined, field: string) =>
  String(at(Object(at(result?.structuredContent, field))[0], 'id'));

test.each<Era>(['current', 'previous'])(
  'an agent with the %s protocol looks, previews, creates, pauses, runs, cancels and deletes, and a lost reply makes nothing twice',
  async (era) => {
    const task = { title: `Weekly, ${era}`, prompt: 'Write it.', artist_account_id: ARTIST };
    const schedule = { schedule: '0 9 * * 4', timezone: 'America/New_York' };
    const steps: ((results: CallToolResult[]) => ToolUse)[] = [
      () => ({ name: 'get_tasks', arguments: { q: task.title } }),
      () => ({ name: 'preview_schedule', arguments: schedule }),
      () => ({
        name: 'create_task',
        arguments: { ...task, ...schedule, idempotency_key: `create-${era}` },
      }),
      (results) => ({ name: 'update_task', arguments: { id: idOf(results[2], 'tasks'), enabled: false } }),
      (results) => ({
        name: 'run_task',
        arguments: { task_id: idOf(results[2], 'tasks'), idempotency_key: `run-${era}` },
      }),
      (results) => ({ name: 'get_task_run_status', arguments: { runId: idOf(results[4], 'runs') } }),
      (results) => ({ name: 'cancel_run', arguments: { runId: idOf(results[4], 'runs') } }),
      (results) => ({ name: 'list_runs', arguments: { task_id: idOf(results[2], 'tasks') } }),
      (results) => ({ name: 'delete_task', arguments: { id: idOf(results[2], 'tasks') } }),
      () => ({ name: 'get_tasks', arguments: { q: task.title } }),
    ];
    const { send, lost } = losingRepliesTo(['create_task', 'run_task']);
    const before = await countOf(service.collections.runs);
    const client = await connectMcp(service.url, key, era, send);
    const results = await loop(client, (known) => steps[known.length]?.(known));
    await client.close();

    expect(results.filter(({ isError }) => isError)).toEqual([]);
    expect(lost).toEqual(['create_task', 'run_task']);
    const contents = results.map(({ structuredContent }) => structuredContent);
    expect(contents[0]).toEqual({ status: 'success', tasks: [] });
    expect(contents[1]).toMatchObject({ words: 'At 09:00, only on Thursday' });
    expect(contents[2]).toMatchObject({ tasks: [{ ...task, ...schedule, account_id: ACCOUNT }] });
    expect(results[2]?.content[1]).toEqual({
      type: 'text',
      text: expect.stringMatching(
        /^The task fires: At 09:00, only on Thursday \(America\/New_York\)\..* 9:00:00.AM.*; .*; /,
      ),
    });
    expect(contents[3]).toMatchObject({ tasks: [{ ...schedule, enabled: false, upcoming: [] }] });
    expect(contents[4]).toMatchObject({ runs: [{ status: 'QUEUED' }] });
    expect(contents[5]).toMatchObject({ runs: [{ status: 'QUEUED', title: task.title }] });
    expect(contents[6]).toMatchObject({ runs: [{ status: 'CANCELED' }] });
    expect(contents[7]).toMatchObject({ runs: [{ id: idOf(results[4], 'runs') }] });
    expect(contents[8]).toEqual({ status: 'success' });
    expect(contents[9]).toEqual({ status: 'success', tasks: [] });
    expect(await countOf(service.collections.runs)).toBe(before + 1);
  },
);
