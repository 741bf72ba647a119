import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Requests of one connection that wait for their turn; who sends more is cut off. To pause the socket would leave the rest
 * with the client, but node resumes it by itself whenever it reads a request to its end.
 */
const MAX_WAITING = 100;

/**
 * The requests of one connection, of which one is served at a time, in the order they came. Node would have them all served
 * at once and keep each reply until those before it have gone out; to those replies it tells neither that the client
 * left nor how much of them has been taken, so that one connection could hold what was meant for hundreds.
 */
export class Pipeline {
  readonly #socket: Socket;
  readonly #waiting: (() => void)[] = [];
  #current: { request: IncomingMessage; response: ServerResponse } | undefined;
  #isLast = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.once('close', () => this.#waiting.splice(0));
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
    });
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
    this.#waiting.length = 0;
    const response = this.#current?.response;
    if (response && !response.headersSent) response.setHeader('Connection', 'close');
  }

  #inTurn(begin: () => void): void {
    if (this.#isLast) return;
    if (!this.#current) return begin();
    if (this.#waiting.length >= MAX_WAITING) {
      // Node's parser goes through all that has been read, whatever becomes of the socket.
      this.last();
      this.#socket.resetAndDestroy();
      return;
    }
    this.#waiting.push(begin);
  }

  #next(): void {
    // The headers of the last may have said otherwise, if they had gone out before.
    if (this.#isLast) return void this.#socket.end();
    if (this.#socket.destroyed) return;
    this.#waiting.shift()?.();
  }
}
