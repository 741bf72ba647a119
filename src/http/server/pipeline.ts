import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ByteBudget } from '../../lib/byte-budget.ts';

/**
 * Maximum number of requests that wait on one connection; one more closes the connection. Pausing the socket would not
 * help, because Node resumes it whenever it has read a request to its end.
 */
const MAX_WAITING = 100;

/** Approximate size in bytes of the Node objects of a waiting request, without its headers. */
const OVERHEAD_BYTES = 6_000;

/**
 * Serves the requests of one connection one at a time, in order. Node would serve all of them at once and buffer each
 * reply until the earlier ones were sent. The service could not tell whether the client of a buffered reply has left,
 * or how much it has read. One connection could then hold resources meant for hundreds.
 */
export class Pipeline {
  readonly #socket: Socket;
  readonly #waiting: { begin: () => void; release: () => void }[] = [];
  readonly #waitingBytes: ByteBudget;
  #current: { request: IncomingMessage; response: ServerResponse } | undefined;
  #isLast = false;

  /** @param waitingBytes - budget that the waiting requests of all connections share */
  constructor(socket: Socket, waitingBytes: ByteBudget) {
    this.#socket = socket;
    this.#waitingBytes = waitingBytes;
    socket.once('close', () => this.#drop());
  }

  /** The request being served. */
  get current() {
    return this.#current;
  }

  /** Serves a request after the earlier ones. `ended` is called when its reply is complete or the client has left. */
  serve(request: IncomingMessage, response: ServerResponse, begin: () => void, ended: () => void): void {
    this.#inTurn(() => {
      this.#current = { request, response };
      response.once('close', () => {
        this.#current = undefined;
        ended();
        this.#next();
      });
      begin();
    }, request.rawHeaders.join('').length);
  }

  /** Answers input that is not a request, by writing to the socket directly. */
  answer(write: () => void): void {
    // If the body of the current request is invalid, this is the reply to it.
    if (this.#current && !this.#current.request.complete) {
      if (this.#current.response.headersSent) this.#socket.destroy();
      else write();
    } else {
      this.#inTurn(() => {
        this.last();
        write();
      });
    }
  }

  /** Makes the current request the last one: its reply closes the connection, and waiting requests are dropped. */
  last(): void {
    this.#isLast = true;
    this.#drop();
    const response = this.#current?.response;
    if (response && !response.headersSent) response.setHeader('Connection', 'close');
  }

  #inTurn(begin: () => void, headerBytes = 0): void {
    if (this.#isLast) return;
    if (!this.#current) return begin();
    if (this.#waiting.length >= MAX_WAITING || this.#waitingBytes.isSpent) {
      // Node's parser processes everything it has read, even after the socket is closed.
      this.last();
      this.#socket.resetAndDestroy();
      return;
    }
    this.#waiting.push({ begin, release: this.#waitingBytes.hold(begin, headerBytes + OVERHEAD_BYTES) });
  }

  #drop(): void {
    for (const { release } of this.#waiting.splice(0)) release();
  }

  #next(): void {
    // The headers of that reply may have been sent before last() could set `Connection: close`.
    if (this.#isLast) return void this.#socket.end();
    if (this.#socket.destroyed) return;
    const next = this.#waiting.shift();
    next?.release();
    next?.begin();
  }
}
