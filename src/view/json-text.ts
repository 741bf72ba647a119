import { createHash } from 'node:crypto';

/** A stretch of JSON text in UTF-8 that is made once and sent many times. */
export class Piece {
  readonly bytes: Buffer;
  #digest: string | undefined;

  constructor(text: Buffer | string) {
    this.bytes = typeof text === 'string' ? Buffer.from(text) : text;
  }

  /** SHA-256 in base64url: the same wherever the text is the same. */
  get digest(): string {
    return (this.#digest ??= createHash('sha256').update(this.bytes).digest('base64url'));
  }
}

/**
 * A value of the API that is JSON text already: what a handler returns in place of an item of an array, so that it need
 * not be made into text anew for each reply.
 */
export class JsonText<Wire> {
  /** Together, one after the other, the text. */
  readonly pieces: readonly Piece[];
  readonly byteLength: number;

  private constructor(pieces: readonly Piece[]) {
    this.pieces = pieces;
    this.byteLength = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** A text of which the maker knows that it is a Wire's. */
  static of<Wire>(...pieces: Piece[]): JsonText<Wire> {
    return new JsonText<Wire>(pieces);
  }

  /** The value itself. JSON.stringify asks for it. */
  toJSON(): Wire {
    return JSON.parse(Buffer.concat(this.pieces.map(({ bytes }) => bytes)).toString());
  }
}
