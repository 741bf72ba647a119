import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ModelExecutor } from '../../../src/engine/executors/model.ts';
import { type Behavior, JOB, PROMPT, attempt, behavesAsExecutor, expectStorable } from './port.ts';
import { type StubReply, startStub } from './stub-server.ts';

let stub: Awaited<ReturnType<typeof startStub>>;
beforeAll(async () => {
  stub = await startStub();
});
beforeEach(() => stub.replies(() => [404]));
afterAll(() => stub.close());

const toModel = (baseUrl = `${stub.url}/v1`, apiKey?: string) =>
  new ModelExecutor({ model: 'small', server: { baseUrl, apiKey } });
const execute = (changes = {}) => toModel().execute(attempt(changes));

/** An answer of the chat protocol. */
const answer = (content: string | null, finish_reason = 'stop'): StubReply => [
  200,
  {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_790_000_000,
    model: 'small-2026',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason }],
    usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
  },
  { 'content-type': 'application/json' },
];
const refusal = (status: number, headers = {}): StubReply => [
  status,
  { error: { message: 'the reason', type: 'refused' } },
  headers,
];

describe('the executor of RUN_MODEL', () => {
  const ANSWERS: Record<Behavior, StubReply> = {
    completes: answer('the work is done'),
    fails: refusal(400),
    'never ends': 'hangs',
    'cannot be reached': 'hangs',
  };
  behavesAsExecutor({
    kind: 'model',
    make: async (behavior) => {
      stub.replies(() => ANSWERS[behavior]);
      return behavior === 'cannot be reached' ? toModel('http://127.0.0.1:1/v1') : toModel();
    },
    received: () => stub.hasReceived(),
    count: () => stub.received.length,
  });
});

describe('a prompt', () => {
  test('goes to the configured model, and the output has the answer and its usage', async () => {
    stub.replies(() => answer('Hello'));
    expect(await execute()).toEqual({
      kind: 'completed',
      output: {
        model: 'small-2026',
        finishReason: 'stop',
        usage: { inputTokens: 7, outputTokens: 3, totalTokens: 10 },
        text: 'Hello',
      },
    });
    const [request] = stub.received;
    expect(request).toMatchObject({ method: 'POST', path: '/v1/chat/completions' });
    expect(request?.headers).not.toHaveProperty('authorization');
    expect(JSON.parse(request?.body ?? '')).toEqual({
      model: 'small',
      messages: [{ role: 'user', content: PROMPT }],
    });
  });

  test('goes with the key to the model that its task names', async () => {
    stub.replies(() => answer('Hello'));
    const job = { ...JOB, task: { ...JOB.task, model: 'large' } };
    await toModel(`${stub.url}/v1/`, 'the-key').execute(attempt({ job }));
    expect(stub.received[0]?.headers.authorization).toBe('Bearer the-key');
    expect(JSON.parse(stub.received[0]?.body ?? '')).toMatchObject({ model: 'large' });
  });

  test.each<[string, StubReply, object]>([
    [
      'is cut off',
      answer('Hel', 'length'),
      { finishReason: 'length', note: expect.stringContaining('incomplete') },
    ],
    ['is empty', answer(''), { text: '', note: 'The text is empty.' }],
    ['is absent', answer(null), { text: '', note: 'The text is empty.' }],
    [
      'is long',
      answer('x'.repeat(300_000)),
      { truncated: true, text: expect.stringContaining('small-2026') },
    ],
    ['has a NUL', answer('a\0b'), { note: expect.stringContaining('NUL') }],
  ])('whose answer %s completes with a note', async (_what, reply, output) => {
    stub.replies(() => reply);
    const outcome = await execute();
    expect(outcome).toMatchObject({ kind: 'completed', output });
    if (outcome.kind === 'completed') expectStorable({ output: outcome.output });
  });

  test.each<[StubReply, object]>([
    [refusal(429, { 'retry-after': '3' }), { kind: 'undelivered', retryAfterMs: 3_000 }],
    [refusal(500), { kind: 'undelivered' }],
    [refusal(503), { kind: 'undelivered' }],
    [refusal(401), { kind: 'failed', repeatable: false, error: { name: 'Http401' } }],
    [[307, '', { location: 'http://127.0.0.1:1/' }], { kind: 'failed', repeatable: false }],
    ['resets', { kind: 'failed', repeatable: true, error: { name: 'ConnectionLost' } }],
    [[200, '<html>'], { kind: 'failed', repeatable: true }],
    [[200, { choices: [] }], { kind: 'failed' }],
  ])('that is answered by %j has this outcome after one request', async (reply, outcome) => {
    stub.replies(() => reply);
    expect(await execute()).toMatchObject(outcome);
    expect(stub.received).toHaveLength(1);
  });
});
