/** Counts the bytes that several holders keep in memory. A shared object, such as a cached text, counts once. */
export class ByteBudget {
  readonly limit: number;
  onRelease: () => void = () => undefined;
  #held = 0;
  readonly #objects = new Map<object, { bytes: number; holders: number }>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get held(): number {
    return this.#held;
  }

  get isSpent(): boolean {
    return this.#held >= this.limit;
  }

  /**
   * Counts an object until the returned function is called.
   * @param bytes - the size of the object, which must be the same in every call for the object
   */
  hold(object: object, bytes: number): () => void {
    const entry = this.#objects.get(object) ?? { bytes, holders: 0 };
    this.#objects.set(object, entry);
    if (entry.holders === 0) this.#held += bytes;
    entry.holders += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      entry.holders -= 1;
      if (entry.holders > 0) return;
      this.#objects.delete(object);
      this.#held -= entry.bytes;
      this.onRelease();
    };
  }
}
