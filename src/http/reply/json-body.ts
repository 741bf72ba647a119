import { finished, pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import fresh from 'fresh';
import { JsonText, Piece } from '../../view/json-text.ts';
import { eachInTime } from '../server/each-in-time.ts';
import type { ReplyBudget } from '../server/reply-budget.ts';
import { type WholeSegment, etagOf } from './etag.ts';
import { type GzipCache, gzipStream } from './gzip.ts';

/** Bytes that go out together: at first few, to come soon; then enough to make writes cheap. */
const FIRST_CHUNK_BYTES = 16_384;
const CHUNK_BYTES = 131_072;

/** A reply up to this size is joined before it is sent, and then lies in memory until it has been taken. */
const JOINED_BYTES = 2_097_152;

/** Bytes held by a reply that is sent in chunks: one chunk in transit, one being filled. */
const CHUNKS_BYTES = 2 * CHUNK_BYTES;

/** Bytes held by a streamed reply: a batch of tasks as documents and as text, chunks, and zlib's state. */
const STREAM_BYTES = 4_194_304;

/** A smaller reply fits into one packet as it is. */
const GZIP_FROM_BYTES = 1_024;

const COMMA = Buffer.from(',');

/** A body as text: what is there, and in its place what is still to be read. */
type Segments = (WholeSegment | AsyncIterable<JsonText<unknown>>)[];

function isAsyncIterable(value: unknown): value is AsyncIterable<JsonText<unknown>> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function isTexts(value: unknown): value is JsonText<unknown>[] {
  return Array.isArray(value) && value[0] instanceof JsonText;
}

/**
 * The JSON text of an object in segments. Arrays and async iterables of texts become arrays.
 * @param limitMs - for each item of an async iterable
 */
function segmentsOf(body: object, limitMs: number): Segments {
  const segments: Segments = [];
  let text = '{';
  let separator = '';
  for (const [key, value] of Object.entries(body)) {
    if (value === undefined) continue;
    text += `${separator}${JSON.stringify(key)}:`;
    separator = ',';
    if (isTexts(value) || isAsyncIterable(value)) {
      segments.push(new Piece(`${text}[`), isTexts(value) ? value : eachInTime(value, limitMs));
      text = ']';
    } else text += JSON.stringify(value);
  }
  segments.push(new Piece(`${text}}`));
  return segments;
}

/** Whether all of a body is there, and nothing still to be read. */
function isWhole(segments: Segments): segments is WholeSegment[] {
  return !segments.some(isAsyncIterable);
}

async function* buffersOf(segments: Segments): AsyncGenerator<Buffer, void, undefined> {
  for (const segment of segments) {
    if (segment instanceof Piece) yield segment.bytes;
    else {
      let isFirst = true;
      for await (const { pieces } of segment) {
        if (!isFirst) yield COMMA;
        isFirst = false;
        for (const { bytes } of pieces) yield bytes;
      }
    }
  }
}

function lengthOf(segments: WholeSegment[]): number {
  return segments.reduce((sum, segment) => {
    if (segment instanceof Piece) return sum + segment.bytes.length;
    const commas = Math.max(0, segment.length - 1) * COMMA.length;
    return segment.reduce((inner, { byteLength }) => inner + byteLength, sum + commas);
  }, 0);
}

/** Arrays that several replies share are joined once, as long as one of them is being sent. */
const joined = new WeakMap<readonly JsonText<unknown>[], Buffer>();

function join(texts: readonly JsonText<unknown>[]): Buffer {
  const known = joined.get(texts);
  if (known) return known;
  const buffers: Buffer[] = [];
  for (const [at, { pieces }] of texts.entries()) {
    if (at > 0) buffers.push(COMMA);
    for (const { bytes } of pieces) buffers.push(bytes);
  }
  const text = Buffer.concat(buffers);
  joined.set(texts, text);
  return text;
}

/** Copies buffers into larger ones: each write costs as much as copying many kilobytes. */
async function* chunksOf(buffers: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let chunk = Buffer.allocUnsafe(FIRST_CHUNK_BYTES);
  let used = 0;
  for await (const buffer of buffers) {
    for (let from = 0; from < buffer.length;) {
      const copied = buffer.copy(chunk, used, from);
      from += copied;
      used += copied;
      if (used < chunk.length) continue;
      yield chunk;
      chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      used = 0;
    }
  }
  yield chunk.subarray(0, used);
}

/** The part that identifies a body: replies with the same text share this object. */
function sharedOf(segments: WholeSegment[]): object {
  const [first] = segments;
  return segments.find(Array.isArray) ?? (first instanceof Piece ? first.bytes : segments);
}

/**
 * Sends a complete body with one write per segment. Not async, so that only the written bytes stay in memory while the
 * client reads.
 */
function sendJoined(response: Response, segments: WholeSegment[]): Promise<void> {
  // A client that leaves is no failure; the log's line of the request says so.
  const ended = finished(response).catch(() => undefined);
  response.cork();
  for (const segment of segments) response.write(segment instanceof Piece ? segment.bytes : join(segment));
  response.uncork();
  response.end();
  return ended;
}

/** Sends a body as it is read; what fails before the first byte is still answered with an error. */
async function stream(
  response: Response,
  headers: Record<string, string>,
  chunks: AsyncGenerator<Buffer, void, undefined>,
): Promise<void> {
  let failed = false;
  async function* send(first: Buffer): AsyncGenerator<Buffer, void, undefined> {
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
    const first = await chunks.next();
    response.set(headers);
    if (response.req.method === 'HEAD') response.end();
    else if (!first.done) await pipeline(send(first.value), response);
  } catch (error) {
    // Otherwise the client left, perhaps before the first byte, and the log's line of the request says so.
    if (failed || !(response.headersSent || response.destroyed)) throw error;
  } finally {
    await chunks.return();
  }
}

/** Sends a body whose length is known: at once where it is small, else no faster than the client takes it. */
async function sendWhole(
  response: Response,
  headers: Record<string, string>,
  segments: WholeSegment[],
  budget: ReplyBudget,
): Promise<void> {
  const length = lengthOf(segments);
  const all = { ...headers, 'Content-Length': String(length) };
  const isJoined = length <= JOINED_BYTES;
  budget.holds(response, isJoined ? 0 : CHUNKS_BYTES, [sharedOf(segments), length]);
  if (!isJoined) return stream(response, all, chunksOf(buffersOf(segments)));
  response.set(all);
  if (response.req.method === 'HEAD') response.end();
  else return sendJoined(response, segments);
}

/** How a body is sent. */
export interface Sending {
  gzip: GzipCache;
  budget: ReplyBudget;
  /** In which what is still to be read must come, each time that the client can take more. */
  operationTimeoutMs: number;
}

/** Whether a client would rather have it compressed. Express names the best that it accepts, of equals the first it lists. */
function prefersGzip(request: Request): boolean {
  return request.acceptsEncodings('gzip', 'identity') === 'gzip';
}

/**
 * Sends a body as JSON, compressed where the client accepts it: with its length and an ETag where all of it is there, else as
 * it is read and no faster than the client takes it. A client that has the same already is told so (304). One that leaves
 * stops the reading; a failure in the middle cuts the connection.
 */
export async function sendJson(
  response: Response,
  body: object,
  { gzip, budget, operationTimeoutMs }: Sending,
): Promise<void> {
  const request = response.req;
  const segments = segmentsOf(body, operationTimeoutMs);
  const whole = isWhole(segments) ? segments : undefined;
  const compress = (!whole || lengthOf(whole) >= GZIP_FROM_BYTES) && prefersGzip(request);
  response.vary('Accept-Encoding');
  const headers: Record<string, string> = {};
  const isKept = response.get('Cache-Control') === undefined && ['GET', 'HEAD'].includes(request.method);
  if (isKept) {
    // For the client that asked alone, and each time only after asking whether it is still the same.
    headers['Cache-Control'] = 'private, no-cache';
    if (whole) headers.ETag = etagOf(whole, compress ? 'gzip' : 'identity');
    // Without the request's Cache-Control: fetch adds no-cache wherever a program sends If-None-Match, and `fresh` takes that
    // for a wish to have all of it (RFC 9111, 5.2.1.4 asks caches, not the origin).
    const condition = { 'if-none-match': request.headers['if-none-match'] };
    if (whole && fresh(condition, { etag: headers.ETag })) {
      response.status(304).set(headers).end();
      return;
    }
  } else headers['Cache-Control'] = 'no-store';
  headers['Content-Type'] = 'application/json; charset=utf-8';
  if (compress) headers['Content-Encoding'] = 'gzip';
  const plain = () => chunksOf(buffersOf(segments));
  // Return the promises without await, so that this call's variables can be freed while the client reads.
  if (!whole) {
    budget.holds(response, STREAM_BYTES);
    return stream(response, headers, compress ? gzipStream(plain()) : plain());
  }
  if (!compress) return sendWhole(response, headers, whole, budget);
  // The length is optional in a reply to HEAD, and not worth the compression.
  if (request.method === 'HEAD') return void response.set(headers).end();
  budget.holds(response, 0, [sharedOf(whole), lengthOf(whole)]);
  const compressed = await gzip.compress(headers.ETag, plain);
  return sendWhole(response, headers, [new Piece(compressed)], budget);
}
