import { createHash } from 'node:crypto';

/** A piece of JSON text in UTF-8, created once and sent many times. */
export class Piece {
  readonly bytes: Buffer;
  #digest: string | undefined;

  constructor(text: Buffer | string) {
    this.bytes = typeof text === 'string' ? Buffer.from(text) : text;
  }

  /** SHA-256 of the text in base64url. */
  get digest(): string {
    return (this.#digest ??= createHash('sha256').update(this.bytes).digest('base64url'));
  }
}

/**
 * An API value that is already JSON text, so that it is not serialized again for each reply. Handlers return it as an item
 * of an array.
 */
export class JsonText<Wire> {
  /** The concatenated pieces are the text. */
  readonly pieces: readonly Piece[];
  readonly byteLength: number;

  private constructor(pieces: readonly Piece[]) {
    this.pieces = pieces;
    this.byteLength = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Wraps pieces. The caller guarantees that their concatenation is the JSON text of a Wire. */
  static of<Wire>(...pieces: Piece[]): JsonText<Wire> {
    return new JsonText<Wire>(pieces);
  }

  /** Parses the text and returns its value. JSON.stringify calls this. */
  toJSON(): Wire {
    return JSON.parse(Buffer.concat(this.pieces.map(({ bytes }) => bytes)).toString());
  }
}
