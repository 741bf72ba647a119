import { type Express, type RequestHandler, Router } from 'express';
import type { Limits } from '../../config/limits.ts';
import type { ByteBudget } from '../../lib/byte-budget.ts';
import { ApiError } from '../../lib/errors.ts';
import { readerUpTo } from '../request/body.ts';
import { type Connect, inMemory } from './in-memory-fetch.ts';

/** Maximum number of messages in one request. Only protocol versions before 2025-06-18 have batches. */
const MAX_BATCH = 10;

/** Number of nesting levels around the arguments of a tool in a message. */
const ENVELOPE_DEPTH = 3;

/** Headers that the protocol reads. */
const PROTOCOL_HEADERS = /^(accept|content-type|mcp-.+)$/;

/** Answers an MCP request. The caller has read its body. */
export type McpHandler = (request: Request, body: unknown, connect: Connect) => Promise<Response>;

interface Dependencies {
  limits: Pick<Limits, 'maxBodyBytes' | 'maxJsonDepth'>;
  /** The bytes of all replies that wait for their clients. */
  replyBytes: ByteBudget;
  /** Loads the protocol with the first request, because the start of the service should not wait for it. */
  load: () => Promise<{ handleMcp: McpHandler }>;
}

/** Serves MCP: tools whose calls are requests to the same app. */
export function mcp(app: Express, { limits, replyBytes, load }: Dependencies): RequestHandler {
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
    const reply = await handleMcp(message, body, connectTo(request, response));
    const bytes = Buffer.from(await reply.arrayBuffer());
    if (response.destroyed) return;
    response.once('close', replyBytes.hold(bytes, bytes.length));
    response
      .status(reply.status)
      .set({ ...Object.fromEntries(reply.headers), 'Cache-Control': 'no-store' })
      .end(bytes);
  };

  const router = Router();
  router.use(readBody, answer);
  return router;
}
