/**
 * Combines concurrent lookups with equal keys, and returns only fresh results: a caller never gets the result of a
 * lookup that started before the caller's own call. Callers that arrive during a lookup share the next lookup, which
 * starts when the current lookup ends. At most one lookup per key runs and one waits.
 */
export class SingleFlight<Answer> {
  readonly #flights = new Map<string, { current: Promise<Answer>; next?: Promise<Answer> }>();

  /**
   * Returns the result of a lookup that starts now, or after the current lookup with the same key.
   * @param key - lookups with equal keys must be interchangeable
   */
  run(key: string, lookUp: () => Promise<Answer>): Promise<Answer> {
    const flight = this.#flights.get(key);
    if (!flight) return this.#start(key, lookUp);
    const start = () => this.#start(key, lookUp);
    return (flight.next ??= flight.current.then(start, start));
  }

  #start(key: string, lookUp: () => Promise<Answer>): Promise<Answer> {
    const flight = { current: lookUp() };
    this.#flights.set(key, flight);
    const end = () => {
      if (this.#flights.get(key) === flight && !('next' in flight)) this.#flights.delete(key);
    };
    flight.current.then(end, end);
    return flight.current;
  }
}
