import { NumberWalk } from './exact-numbers.ts';

/** Thrown for JSON that the service does not accept. The message completes a sentence that starts with "The body ". */
export class UnacceptableJson extends Error {}

export class NotJson extends UnacceptableJson {}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Returns the end of the string whose opening quotation mark is at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

const [QUOTE, BACKSLASH, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}');

/**
 * Limits the nesting before JSON.parse runs, which takes seconds for megabytes of brackets and returns values too deep
 * for later code. For valid JSON, this sees the same brackets as JSON.parse; on invalid JSON, JSON.parse fails.
 */
function checkDepth(bytes: Uint8Array, maxDepth: number): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) inString = !inString;
    else if (inString) {
      // The escaped character does not end the string.
      if (byte === BACKSLASH) at += 1;
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      depth += 1;
      if (depth > maxDepth) throw new UnacceptableJson(`is nested more than ${maxDepth} levels deep`);
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth -= 1;
  }
}

/** Rejects valid JSON with a repeated name, of which JSON.parse would keep the last value. Also checks all numbers. */
function checkNames(text: string, numbers: NumberWalk): void {
  /** The names so far in each enclosing object, outermost first; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let expectsName = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      if (expectsName) {
        const name: string = JSON.parse(text.slice(at, end));
        const names = open.at(-1);
        if (names?.has(name))
          throw new UnacceptableJson(`repeats the name ${JSON.stringify(name)} in one object`);
        names?.add(name);
        numbers.name(name);
        expectsName = false;
      }
      at = end - 1;
    } else if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined);
      numbers.enter();
      expectsName = character === '{';
    } else if (character === '}' || character === ']') {
      open.pop();
      numbers.leave();
      expectsName = false;
    } else if (character === ',') {
      expectsName = open.at(-1) !== undefined;
      if (!expectsName) numbers.nextItem();
    } else if (character === '-' || (character !== undefined && character >= '0' && character <= '9')) {
      at = numbers.walk(text, at) - 1;
    }
  }
}

/**
 * Parses JSON in UTF-8 (RFC 8259) without guessing, replacing or dropping anything. Integers that a double cannot
 * represent exactly become bigints.
 * @param maxDepth - maximum nesting of arrays and objects
 * @throws UnacceptableJson, UnacceptableNumber
 */
export function parseStrictly(bytes: Uint8Array, maxDepth: number): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new UnacceptableJson('is not valid UTF-8');
  }
  checkDepth(bytes, maxDepth);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (text.trim() === '') throw new NotJson('is empty');
    throw new NotJson(`is not valid JSON (${error instanceof Error ? error.message : ''})`);
  }
  const numbers = new NumberWalk(value);
  checkNames(text, numbers);
  return numbers.restoreIntegers();
}
