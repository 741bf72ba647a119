import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ByteBudget } from '../../lib/byte-budget.ts';

/**
 * Requests of one connection that wait for their turn; who sends more is cut off. To pause the socket would leave the rest
 * with the client, but node resumes it by itself whenever it reads a request to its end.
 */
const MAX_WAITING = 100;

/** Approximate bytes of a waiting request besides its headers: Node's objects. */
const OVERHEAD_BYTES = 6_000;

/**
 * The requests of one connection, of which one is served at a time, in the order they came. Node would have them all served
 * at once and keep each reply until those before it have gone out; to those replies it tells neither that the client
 * left nor how much of them has been taken, so that one connection could hold what was meant for hundreds.
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

  /** What is being served. */
  get current() {
    return this.#current;
  }

  /** Serves a request when those before it have been answered. `ended` is called when it has been, or the client has left. */
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

  /** Answers, outside of node, what is no request. */
  answer(write: () => void): void {
    // Of a request whose body goes wrong, this is the answer.
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

  /** Makes what is being served the last: its reply closes the connection, and nothing behind it is begun. */
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
      // Node's parser goes through all that has been read, whatever becomes of the socket.
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
    // The headers of the last may have said otherwise, if they had gone out before.
    if (this.#isLast) return void this.#socket.end();
    if (this.#socket.destroyed) return;
    const next = this.#waiting.shift();
    next?.release();
    next?.begin();
  }
}
