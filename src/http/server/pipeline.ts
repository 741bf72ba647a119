import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ByteBudget } from '../../lib/byte-budget.ts';

/**
 * Maximum number of requests that wait on one connection. One more request closes the connection. Pausing the socket
 * instead would not work, because Node resumes a socket whenever it has read a complete request.
 */
const MAX_WAITING = 100;

/** Approximate memory in bytes of Node's objects for a waiting request, without its headers. */
const OVERHEAD_BYTES = 6_000;

/**
 * Serves the requests of one connection one after another. By itself, Node serves pipelined requests at the same time
 * and buffers each reply until the earlier ones are sent. The service then could not know whether the client of a
 * buffered reply has disconnected, or how much it has read, and one connection could hold the resources of hundreds.
 */
export class Pipeline {
  readonly #socket: Socket;
  readonly #waiting: { begin: () => void; release: () => void }[] = [];
  readonly #waitingBytes: ByteBudget;
  #current: { request: IncomingMessage; response: ServerResponse } | undefined;
  #isLast = false;

  /** @param waitingBytes - memory budget that the waiting requests of all connections share */
  constructor(socket: Socket, waitingBytes: ByteBudget) {
    this.#socket = socket;
    this.#waitingBytes = waitingBytes;
    socket.once('close', () => this.#drop());
  }

  get current() {
    return this.#current;
  }

  /**
   * Serves a request after the earlier ones of the connection.
   * @param begin - called when it is the request's turn
   * @param ended - called when the reply is complete or the client has disconnected
   */
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

  /**
   * Answers input that Node could not parse as a request, after the replies to earlier requests.
   * @param write - writes an error reply to the socket and closes it
   */
  answer(write: () => void): void {
    // If the current request is incomplete, its body is the invalid input, so the error is the reply to that request.
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

  /** Drops all waiting requests, and closes the connection after the reply to the current request. */
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
      // Call last() first: Node's parser goes on with what it has read even after the socket is closed.
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
    // Close the socket here: the headers of the last reply may have been sent before last() could set `Connection:
    // close`.
    if (this.#isLast) return void this.#socket.end();
    if (this.#socket.destroyed) return;
    const next = this.#waiting.shift();
    next?.release();
    next?.begin();
  }
}
