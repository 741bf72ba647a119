import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { RequestHandler } from 'express';
import fresh from 'fresh';

const brotli = promisify(brotliCompress);
const deflate = promisify(gzip);

/** Of 11. From 10 on, Swagger UI takes seconds, for a fifteenth less. */
const BROTLI_QUALITY = 9;

const YEAR_SECONDS = 31_536_000;

const ENCODINGS = {
  br: (content: Buffer) => brotli(content, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }),
  gzip: (content: Buffer) => deflate(content),
  identity: async (content: Buffer) => content,
};

type Encoding = keyof typeof ENCODINGS;

/** Best first: express would follow the order in which the client happens to list them. */
const PREFERRED: Encoding[] = ['br', 'gzip'];

/**
 * Serves content that does not change while the process lives, compressed as the client accepts it. A browser keeps it
 * and asks each time whether it is still the same (304).
 *
 * The content is compressed once, when it is first asked for, and kept: a middleware such as `compression` would
 * compress Swagger UI, a fifth of a second, for everyone who asks.
 * @param type as in `response.type`: a file's ending or a media type.
 * @param immutable whether the path names this content alone, so that a browser need not ask again
 */
export function staticFile(
  content: Buffer,
  type: string,
  { immutable = false }: { immutable?: boolean } = {},
): RequestHandler {
  const caching = immutable ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache';
  let computed: string | undefined;
  const encoded = new Map<Encoding, Promise<Buffer>>();

  /** Weak, because all encodings share it. Of the content, so that all copies of the service agree on it. */
  function etagOf(): string {
    // Not before it is asked for: hashing Swagger UI would hold up each start.
    return (computed ??= `W/"${createHash('sha256').update(content).digest('base64url')}"`);
  }

  function encode(encoding: Encoding): Promise<Buffer> {
    const body = encoded.get(encoding) ?? ENCODINGS[encoding](content);
    encoded.set(encoding, body);
    return body;
  }

  return async (request, response) => {
    const etag = etagOf();
    response.set({ ETag: etag, 'Cache-Control': caching }).vary('Accept-Encoding');
    // Not request.fresh, which app.ts turns off for the API.
    if (fresh(request.headers, { etag })) {
      response.status(304).end();
      return;
    }
    const encoding = PREFERRED.find((one) => request.acceptsEncodings(one)) ?? 'identity';
    const body = await encode(encoding);
    if (encoding !== 'identity') response.set('Content-Encoding', encoding);
    response.type(type).send(body);
  };
}
