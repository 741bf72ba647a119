import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';

/** Characters that go out together: few enough to come soon, enough to make writes cheap. */
const CHUNK_LENGTH = 16_384;

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** The JSON text of an object, piece by piece; what its members give item by item is written as arrays. */
async function* jsonChunks(body: object): AsyncGenerator<string, void, undefined> {
  let text = '{';
  let separator = '';
  for (const [key, value] of Object.entries(body)) {
    if (value === undefined) continue;
    text += `${separator}${JSON.stringify(key)}:`;
    separator = ',';
    if (!isAsyncIterable(value)) {
      text += JSON.stringify(value);
      continue;
    }
    text += '[';
    let itemSeparator = '';
    for await (const item of value) {
      text += itemSeparator + JSON.stringify(item);
      itemSeparator = ',';
      if (text.length >= CHUNK_LENGTH) {
        yield text;
        text = '';
      }
    }
    text += ']';
  }
  yield `${text}}`;
}

async function stream(response: Response, body: object): Promise<void> {
  const chunks = jsonChunks(body);
  let failed = false;
  async function* send(first: string): AsyncGenerator<string, void, undefined> {
    try {
      yield first;
      yield* chunks;
    } catch (error) {
      // Where the client has left, ending the reading may fail, and concerns nobody.
      failed = !response.destroyed;
      // Not only ended: a client of HTTP/1.0 takes the end of the connection for the end of the reply.
      response.socket?.resetAndDestroy();
      throw error;
    }
  }
  try {
    // What fails before the first byte is still answered with an error.
    const first = await chunks.next();
    response.type('json');
    if (response.req.method === 'HEAD') response.end();
    else if (!first.done) await pipeline(send(first.value), response);
  } catch (error) {
    // Otherwise the client left, perhaps before the first byte, and the log's line of the request says so.
    if (failed || !(response.headersSent || response.destroyed)) throw error;
  } finally {
    await chunks.return();
  }
}

/**
 * Sends a body as JSON: with its length where all of it is there, else as it is read and no faster than the client
 * takes it. A client that leaves stops the reading; a failure in the middle cuts the connection.
 */
export async function sendJson(response: Response, body: object): Promise<void> {
  if (Object.values(body).some(isAsyncIterable)) await stream(response, body);
  else response.json(body);
}
