/** A complete HTTP/1.1 reply. */
export interface Reply {
  status: number;
  /** Size of the body as received: without chunk framing, and still compressed if the server compressed it. */
  bytes: number;
}

const END_OF_HEAD = '\r\n\r\n';
const END_OF_LINE = 10;

/**
 * Parses successive replies of a connection, and counts the bytes of their bodies without keeping them. Node's own
 * client takes five times the CPU per megabyte, so the bench would measure that client instead of the servers.
 */
export class ReplyReader {
  #head = '';
  #status = 0;
  #bytes = 0;
  /** Remaining bytes of the body, or of the current chunk and its line end; -1 after the last chunk. */
  #left = 0;
  #chunked = false;
  #state: 'head' | 'body' | 'size' | 'chunk' | 'end' = 'head';
  #line = '';

  /** Whether part of the current reply's body has arrived. */
  get hasBody(): boolean {
    return this.#bytes > 0;
  }

  get #isWhole(): boolean {
    return this.#state === 'end' || (this.#state === 'body' && this.#left === 0);
  }

  /**
   * Reads the next bytes of the connection.
   * @returns the reply, if these bytes complete it; otherwise undefined
   * @throws if the bytes are not a valid HTTP/1.1 reply
   */
  read(bytes: Buffer): Reply | undefined {
    let at = this.#state === 'head' ? this.#readHead(bytes) : 0;
    while (at < bytes.length && !this.#isWhole) {
      at = this.#state === 'size' ? this.#readSize(bytes, at) : this.#readBody(bytes, at);
    }
    if (!this.#isWhole) return undefined;
    if (at < bytes.length) throw new Error('The server sent data after the end of the reply.');
    const reply = { status: this.#status, bytes: this.#bytes };
    this.#state = 'head';
    this.#head = '';
    this.#bytes = 0;
    return reply;
  }

  #readHead(bytes: Buffer): number {
    const before = this.#head.length;
    this.#head += bytes.toString('latin1', 0, bytes.length);
    const end = this.#head.indexOf(END_OF_HEAD);
    if (end === -1) return bytes.length;
    const head = this.#head.slice(0, end);
    this.#status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    if (!this.#status)
      throw new Error(
        `The reply does not start with an HTTP/1.1 status line, but with "${head.slice(0, 40)}".`,
      );
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    this.#chunked = /\r\ntransfer-encoding: *chunked/i.test(head);
    const hasNoBody = this.#status === 304 || this.#status === 204;
    if (!hasNoBody && length === undefined && !this.#chunked)
      throw new Error('The reply has neither Content-Length nor chunked Transfer-Encoding.');
    this.#left = hasNoBody ? 0 : Number(length ?? 0);
    this.#state = this.#chunked && !hasNoBody ? 'size' : 'body';
    return end + END_OF_HEAD.length - before;
  }

  #readBody(bytes: Buffer, from: number): number {
    const length = Math.min(this.#left, bytes.length - from);
    // The last two bytes of a chunk are its line end.
    this.#bytes += this.#state === 'chunk' ? Math.max(0, Math.min(length, this.#left - 2)) : length;
    this.#left -= length;
    if (this.#state === 'chunk' && this.#left === 0) this.#state = 'size';
    return from + length;
  }

  #readSize(bytes: Buffer, from: number): number {
    const end = bytes.indexOf(END_OF_LINE, from);
    this.#line += bytes.toString('latin1', from, end === -1 ? bytes.length : end);
    if (end === -1) return bytes.length;
    const text = this.#line.trim();
    this.#line = '';
    // After the empty last chunk comes an empty line, because the servers send no trailers.
    if (text === '' && this.#left === -1) this.#state = 'end';
    else if (text === '0') this.#left = -1;
    else {
      const size = Number.parseInt(text, 16);
      if (!(size > 0)) throw new Error(`The reply has the invalid chunk size "${text}".`);
      this.#left = size + 2;
      this.#state = 'chunk';
    }
    return end + 1;
  }
}
