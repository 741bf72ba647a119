import { finished, pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import fresh from 'fresh';
import { JsonText, Piece } from '../../view/json-text.ts';
import { withItemTimeout } from '../server/with-item-timeout.ts';
import type { ReplyBudget } from '../server/reply-budget.ts';
import { type WholeSegment, etagOf } from './etag.ts';
import { type GzipCache, gzipStream } from './gzip.ts';

/** Chunk sizes in bytes. The first chunk is small, so that it arrives soon. The others are large, to save writes. */
const FIRST_CHUNK_BYTES = 16_384;
const CHUNK_BYTES = 131_072;

/** Maximum size in bytes of a reply that is written at once. It stays in memory until the client has read it. */
const JOINED_BYTES = 2_097_152;

/** Memory, in bytes, that a reply uses while it is sent in chunks: one chunk in transit, and one being filled. */
const CHUNKS_BYTES = 2 * CHUNK_BYTES;

/** Memory in bytes of a streamed reply: a batch of tasks as documents and as text, chunks, and zlib's state. */
const STREAM_BYTES = 4_194_304;

/** Complete replies with fewer bytes are not compressed, because they fit into one packet anyway. */
const GZIP_FROM_BYTES = 1_024;

const COMMA = Buffer.from(',');

/** A body as JSON text: parts in memory, and async iterables for arrays that are read while the body is sent. */
type Segments = (WholeSegment | AsyncIterable<JsonText<unknown>>)[];

function isAsyncIterable(value: unknown): value is AsyncIterable<JsonText<unknown>> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function isTexts(value: unknown): value is JsonText<unknown>[] {
  return Array.isArray(value) && value[0] instanceof JsonText;
}

/**
 * Converts an object to segments of its JSON text. A field that holds JSON texts, as an array or an async iterable,
 * becomes a JSON array.
 * @param limitMs - time limit in milliseconds for each item of an async iterable
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
      segments.push(new Piece(`${text}[`), isTexts(value) ? value : withItemTimeout(value, limitMs));
      text = ']';
    } else text += JSON.stringify(value);
  }
  segments.push(new Piece(`${text}}`));
  return segments;
}

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

/** Maps an array of texts to its joined bytes, which all replies with this array share while they are sent. */
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

/** Combines small buffers into large chunks, because a write costs as much as copying many kilobytes. */
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

/** Returns an object that all replies with the same text share, so that the reply budget counts the text only once. */
function sharedOf(segments: WholeSegment[]): object {
  const [first] = segments;
  return segments.find(Array.isArray) ?? (first instanceof Piece ? first.bytes : segments);
}

/**
 * Sends a complete body with one write per segment. The function is not async, so that only the written bytes stay in
 * memory while the client reads.
 */
function sendJoined(response: Response, segments: WholeSegment[]): Promise<void> {
  // Ignore a client that disconnects: the request log records that, and it is not a failure of the service.
  const ended = finished(response).catch(() => undefined);
  response.cork();
  for (const segment of segments) response.write(segment instanceof Piece ? segment.bytes : join(segment));
  response.uncork();
  response.end();
  return ended;
}

/** Sends a body chunk by chunk. If the first chunk fails, the client still gets an error reply. */
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
      // If the client has disconnected, ignore the error: the source is being closed.
      failed = !response.destroyed;
      // Reset the connection, because an HTTP/1.0 client takes a normal close for the end of the reply.
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
    // In all other cases the client has disconnected, and the request log records that.
    if (failed || !(response.headersSent || response.destroyed)) throw error;
  } finally {
    await chunks.return();
  }
}

/** Sends a complete body: at once if it has at most 2 MiB, otherwise no faster than the client reads. */
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

export interface Sending {
  gzip: GzipCache;
  budget: ReplyBudget;
  /** Time limit in milliseconds for each item that a streamed body reads from its source. */
  operationTimeoutMs: number;
}

/** Whether the client ranks gzip at least as high as no compression. On a tie, Express returns the first: gzip. */
function prefersGzip(request: Request): boolean {
  return request.acceptsEncodings('gzip', 'identity') === 'gzip';
}

/**
 * Sends a body as JSON, compressed if the client accepts gzip. A complete body gets an ETag, and the reply is 304 if
 * the client already has that version. A body with an async iterable is streamed, no faster than the client reads. If
 * the client disconnects, the iterable is closed. If the iterable fails midway, the connection is cut.
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
    // Only the client itself may cache the reply, and must revalidate it before each use.
    headers['Cache-Control'] = 'private, no-cache';
    if (whole) headers.ETag = etagOf(whole, compress ? 'gzip' : 'identity');
    // Ignore the request's Cache-Control. A browser's fetch adds no-cache if the program sets If-None-Match, and
    // `fresh` would then never match. no-cache is for caches, not for the origin server (RFC 9111, section 5.2.1.4).
    const condition = { 'if-none-match': request.headers['if-none-match'] };
    if (whole && fresh(condition, { etag: headers.ETag })) {
      response.status(304).set(headers).end();
      return;
    }
  } else headers['Cache-Control'] = 'no-store';
  headers['Content-Type'] = 'application/json; charset=utf-8';
  if (compress) headers['Content-Encoding'] = 'gzip';
  const plain = () => chunksOf(buffersOf(segments));
  // Return the promises without await, so that the variables of this call can be freed while the client reads.
  if (!whole) {
    budget.holds(response, STREAM_BYTES);
    return stream(response, headers, compress ? gzipStream(plain()) : plain());
  }
  if (!compress) return sendWhole(response, headers, whole, budget);
  // A reply to HEAD may omit the Content-Length. Computing it would require compressing the body.
  if (request.method === 'HEAD') return void response.set(headers).end();
  budget.holds(response, 0, [sharedOf(whole), lengthOf(whole)]);
  const compressed = await gzip.compress(headers.ETag, plain);
  return sendWhole(response, headers, [new Piece(compressed)], budget);
}
