import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { RequestHandler } from 'express';
import fresh from 'fresh';

const brotli = promisify(brotliCompress);
const deflate = promisify(gzip);

/** Brotli's quality (0 to 11). From 10 on, Swagger UI takes seconds to compress and becomes only 7 % smaller. */
const BROTLI_QUALITY = 9;

const YEAR_SECONDS = 31_536_000;

const ENCODINGS = {
  br: (content: Buffer) => brotli(content, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }),
  gzip: (content: Buffer) => deflate(content),
  identity: async (content: Buffer) => content,
};

type Encoding = keyof typeof ENCODINGS;

/** Encodings by preference, best first. Express would follow the order in the client's Accept-Encoding header. */
const PREFERRED: Encoding[] = ['br', 'gzip'];

/**
 * Serves content that does not change while the process runs, in an encoding that the client accepts. Browsers cache it
 * and revalidate it each time (304), unless `immutable` is set.
 *
 * The content is compressed once per encoding, on the first request. A middleware such as `compression` would spend a
 * fifth of a second on Swagger UI for every request.
 * @param type - as in `response.type`: a file extension or a media type
 * @param immutable - true if the path contains a hash of the content, so that browsers may cache it for a year
 */
export function staticFile(
  content: Buffer,
  type: string,
  { immutable = false }: { immutable?: boolean } = {},
): RequestHandler {
  const caching = immutable ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache';
  let computed: string | undefined;
  const encoded = new Map<Encoding, Promise<Buffer>>();

  /**
   * Returns the ETag of the content. It is weak, because all encodings share it. It depends on the content only, so
   * that all processes of the service return the same one.
   */
  function etagOf(): string {
    // Compute the hash on the first request, because hashing Swagger UI would delay every start.
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
    // Do not use request.fresh: app.ts overrides it to be always false.
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
