import { fieldAt } from './errors.ts';

/** Thrown for a number that would change when it is stored. The message names its field. */
export class UnacceptableNumber extends Error {}

/** An object or array that JSON.parse returned. */
type Container = Record<string | number, unknown>;

/** Every integer literal of at most this length is exact as a double. */
const SAFE_DIGITS = 15;
/** Every literal of at most this length fits the range of a double if it has no exponent. */
const SAFE_LENGTH = 300;
/** Length of the longest 64-bit integer, -9223372036854775808. */
const INT64_LENGTH = 20;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
/** Maximum length of a number in a message, in characters. */
const MAX_SHOWN = 40;

const [ZERO, NINE, MINUS, PLUS, POINT, SMALL_E, LARGE_E] = [0x30, 0x39, 0x2d, 0x2b, 0x2e, 0x65, 0x45];

/**
 * Finds the numbers that JSON.parse changes. The caller walks the text of valid JSON, calls `walk` for each number, and
 * reports the structure around the numbers with `enter`, `leave`, `name` and `nextItem`.
 */
export class NumberWalk {
  #root: unknown;
  /** The key or index of the current member in each enclosing object or array, outermost first. */
  readonly #keys: (string | number)[] = [];
  /** The enclosing objects and arrays that have been looked up so far, outermost first. */
  readonly #containers: Container[] = [];
  readonly #integers: { container: Container; key: string | number; value: bigint }[] = [];

  /** @param root - the result of JSON.parse for the text */
  constructor(root: unknown) {
    this.#root = root;
  }

  enter(): void {
    this.#keys.push(0);
  }

  leave(): void {
    const keys = this.#keys;
    keys.pop();
    if (this.#containers.length > keys.length) this.#containers.pop();
  }

  name(name: string): void {
    this.#keys[this.#keys.length - 1] = name;
  }

  nextItem(): void {
    const key = this.#keys.at(-1);
    this.#keys[this.#keys.length - 1] = Number(key) + 1;
  }

  /**
   * Checks the number at `start`.
   * @returns the end of the number
   * @throws UnacceptableNumber
   */
  walk(text: string, start: number): number {
    let end = start;
    let isInteger = true;
    let hasExponent = false;
    for (; ; end++) {
      const code = text.charCodeAt(end);
      if ((code >= ZERO && code <= NINE) || code === MINUS || code === PLUS) continue;
      if (code === POINT) isInteger = false;
      else if (code === SMALL_E || code === LARGE_E) hasExponent = true;
      else break;
    }
    const length = end - start;
    if (isInteger && !hasExponent) {
      if (length > SAFE_DIGITS) this.#integer(text.slice(start, end));
    } else if (hasExponent || length > SAFE_LENGTH) this.#double(text.slice(start, end));
    return end;
  }

  /**
   * Replaces each integer that JSON.parse has rounded by an exact bigint. Names must be unique within each object.
   * @returns the root, which may itself be a bigint
   */
  restoreIntegers(): unknown {
    for (const { container, key, value } of this.#integers) container[key] = value;
    return this.#root;
  }

  #integer(literal: string): void {
    if (Number.isSafeInteger(Number(literal))) return;
    const value = literal.length <= INT64_LENGTH ? BigInt(literal) : undefined;
    if (value === undefined || value < INT64_MIN || value > INT64_MAX) {
      this.#refuse(literal, `an integer outside the 64-bit range, ${INT64_MIN} to ${INT64_MAX}`);
    }
    const key = this.#keys.at(-1);
    if (key === undefined) this.#root = value;
    else this.#integers.push({ container: this.#container(), key, value });
  }

  #double(literal: string): void {
    const double = Number(literal);
    if (!Number.isFinite(double)) {
      this.#refuse(literal, 'too large for a double, at most 1.7976931348623157e308');
    }
    if (double === 0 && !/^[-0.]*(e|$)/i.test(literal)) {
      this.#refuse(literal, 'too small for a double, at least 5e-324');
    }
  }

  /** Returns the innermost enclosing object or array. */
  #container(): Container {
    const containers = this.#containers;
    while (containers.length < this.#keys.length) {
      const outer = containers.at(-1);
      const key = this.#keys[containers.length - 1];
      containers.push(Object(outer && key !== undefined ? outer[key] : this.#root));
    }
    return Object(containers.at(-1));
  }

  #refuse(literal: string, problem: string): never {
    const shown = literal.length > MAX_SHOWN ? `${literal.slice(0, MAX_SHOWN)}…` : literal;
    throw new UnacceptableNumber(
      `${fieldAt(this.#keys.join('.'))} is ${problem}: ${shown}. Send it as a string.`,
    );
  }
}
