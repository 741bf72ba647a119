import { createHash } from 'node:crypto';
import { type JsonText, Piece } from '../../view/json-text.ts';

/** A part of a body, held in memory: text, or a list of JSON texts that become the items of an array. */
export type WholeSegment = Piece | readonly JsonText<unknown>[];

const DIGEST_LENGTH = 27;

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** The digest of each array, cached because several replies may contain the same array. */
const known = new WeakMap<readonly JsonText<unknown>[], string>();

function digestOf(segment: WholeSegment): string {
  if (segment instanceof Piece) return segment.digest;
  const digested =
    known.get(segment) ??
    digest(segment.map(({ pieces }) => pieces.map((piece) => piece.digest).join('+')).join());
  known.set(segment, digested);
  return digested;
}

/**
 * Returns a strong ETag (RFC 9110, section 8.8.3), made from the digests of the body's parts. It depends only on the
 * bytes sent, including their encoding, so that all processes of the service return the same one.
 */
export function etagOf(segments: WholeSegment[], encoding: 'gzip' | 'identity'): string {
  const text = digest(segments.map(digestOf).join()).slice(0, DIGEST_LENGTH);
  return encoding === 'identity' ? `"${text}"` : `"${text}-${encoding}"`;
}
