import { type Express, type RequestHandler, type Response as Reply, Router } from 'express';
import type { Limits } from '../../config/limits.ts';
import { ApiError } from '../../lib/errors.ts';
import { readerUpTo } from '../request/body.ts';
import { type Connect, inMemory } from './in-memory-fetch.ts';
import type { ReplyBudget } from './reply-budget.ts';

/** Maximum number of messages in one request. Only MCP versions before 2025-06-18 allow several messages (a batch). */
const MAX_BATCH = 10;

/**
 * Estimated number of copies of a tool's reply in memory: its bytes, text and parsed value, and the texts of the
 * result.
 */
const COPIES = 6;

/** Number of nesting levels around the arguments of a tool in a request body: batch, message and params. */
const ENVELOPE_DEPTH = 3;

/** Matches the request headers that the MCP SDK reads. All others are hidden from the SDK. */
const PROTOCOL_HEADERS = /^(accept|content-type|mcp-.+)$/;

/** Answers an MCP request. `body` is the parsed body; `connect` returns the fetch function for one call of a tool. */
export type McpHandler = (request: Request, body: unknown, connect: Connect) => Promise<Response>;

interface Dependencies {
  limits: Pick<Limits, 'maxBodyBytes' | 'maxJsonDepth'>;
  budget: Pick<ReplyBudget, 'adopt'>;
  /** Loads the MCP SDK. Called when a request arrives, so that the service starts without waiting for the SDK. */
  load: () => Promise<{ handleMcp: McpHandler }>;
}

/**
 * Reads the SDK's reply to its end, or until the client disconnects. If a batch cancels its own calls, the SDK never
 * ends the reply, and sends keep-alives until reading stops.
 */
async function readUntilClosed({ body }: Response, reply: Reply): Promise<Buffer> {
  const reader = body?.getReader();
  const chunks: Uint8Array[] = [];
  const cancel = () => void reader?.cancel();
  if (reply.destroyed) cancel();
  reply.once('close', cancel);
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    chunks.push(next.value);
  }
  reply.off('close', cancel);
  return Buffer.concat(chunks);
}

/** Serves MCP over HTTP. Each call of a tool becomes an in-memory request to the same app. */
export function mcp(app: Express, { limits, budget, load }: Dependencies): RequestHandler {
  const connectTo = inMemory(app);
  const readBody = readerUpTo(limits.maxBodyBytes, limits.maxJsonDepth + ENVELOPE_DEPTH);

  const answer: RequestHandler = async (request, response) => {
    const { body, headersDistinct } = request;
    if (Array.isArray(body) && body.length > MAX_BATCH) {
      throw new ApiError(
        'invalid_body',
        `The batch has ${body.length} messages; at most ${MAX_BATCH} are allowed.`,
      );
    }
    const headers = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
      PROTOCOL_HEADERS.test(name) ? values.map((value): [string, string] => [name, value]) : [],
    );
    const { handleMcp } = await load();
    const message = new Request('http://localhost/mcp', { method: 'POST', headers });
    let held = 0;
    const hold = (bytes: number) => {
      held += bytes * COPIES;
      budget.adopt(response, held);
    };
    const reply = await handleMcp(message, body, connectTo(request, response, hold));
    const bytes = await readUntilClosed(reply, response);
    if (response.destroyed) return;
    budget.adopt(response, bytes.length);
    response
      .status(reply.status)
      .set({ ...Object.fromEntries(reply.headers), 'Cache-Control': 'no-store' })
      .end(bytes);
  };

  const router = Router();
  router.use(readBody, answer);
  return router;
}
