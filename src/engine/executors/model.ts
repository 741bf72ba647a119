import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { createGateway, generateText } from 'ai';
import type { ExecutorSettings } from '../../config/executor-settings.ts';
import type { Attempt, Executor, Outcome } from '../port.ts';

import { ExchangeFailed, exchange, outcomeOfFailure, outcomeOfRefusal } from './exchange.ts';
import { deliveredElsewhere, failed } from './outcomes.ts';
import { outputOfValue } from './output.ts';

type ModelServer = Extract<ExecutorSettings, { kind: 'model' }>['server'];

// Turn off the SDK's warnings, which it would print between the JSON lines of the service's log.
globalThis.AI_SDK_LOG_WARNINGS = false;

function modelOf(server: ModelServer, name: string, fetch: typeof globalThis.fetch) {
  if ('gatewayKey' in server) return createGateway({ apiKey: server.gatewayKey, fetch })(name);
  const { baseUrl: baseURL, apiKey } = server;
  return createOpenAICompatible({ name: 'openai', baseURL, ...(apiKey && { apiKey }), fetch })(name);
}

/**
 * Returns a fetch function that uses `exchange`, and that sets `noted.problem` to the outcome if a request fails. The
 * SDK's own errors do not reveal whether the request was delivered.
 */
function recordingFetch(signal: AbortSignal, noted: { problem?: Outcome }): typeof globalThis.fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const body = String(init?.body);
    const headers = {
      ...Object.fromEntries(new Headers(init?.headers)),
      'content-length': String(Buffer.byteLength(body)),
    };
    try {
      const reply = await exchange({ method: 'POST', url, headers, body, signal });
      const { status } = reply;
      if (status < 200 || status > 299) {
        noted.problem = outcomeOfRefusal(reply, status === 429 || status >= 500);
        throw new Error(`The model server replied with ${status}.`);
      }
      return new Response(reply.body.bytes.toString(), { headers: { 'content-type': 'application/json' } });
    } catch (error) {
      if (error instanceof ExchangeFailed) noted.problem = outcomeOfFailure(error);
      throw error;
    }
  };
}

/** Executes a job by sending its prompt to a model. */
export class ModelExecutor implements Executor {
  readonly kind = 'model';
  readonly #model: string;
  readonly #server: ModelServer;

  /** @param model - name of the model for tasks that do not name one */
  constructor({ model, server }: { model: string; server: ModelServer }) {
    this.#model = model;
    this.#server = server;
  }

  async execute({ job, signal, location }: Attempt): Promise<Outcome> {
    if (location !== undefined) return deliveredElsewhere('a model');
    const noted: { problem?: Outcome } = {};
    try {
      const { text, finishReason, usage, response } = await generateText({
        model: modelOf(this.#server, job.task.model ?? this.#model, recordingFetch(signal, noted)),
        prompt: job.task.prompt,
        maxRetries: 0,
        abortSignal: signal,
      });
      const { inputTokens, outputTokens, totalTokens } = usage;
      const problems = [
        text.trim() === '' && 'The text is empty.',
        finishReason !== 'stop' && 'The model did not finish: the text may be incomplete.',
      ].filter((problem) => problem !== false);
      const output = outputOfValue({
        ...(problems.length > 0 && { note: problems.join(' ') }),
        model: response.modelId,
        finishReason,
        usage: { inputTokens, outputTokens, totalTokens },
        text,
      });
      return { kind: 'completed', output };
    } catch (error) {
      if (signal.aborted) return { kind: 'aborted' };
      if (noted.problem) return noted.problem;
      if (!(error instanceof Error)) throw error;
      // The SDK could not parse the reply as a model's answer.
      return failed(error.name, error.message, true);
    }
  }

  async close(): Promise<void> {}
}
