import type { RunError } from '../../../generated/types.gen.ts';
import { FIXED_LIMITS } from '../../config/limits.ts';
import { UnacceptableNumber } from '../../lib/exact-numbers.ts';
import { exactJson } from '../../lib/exact-json.ts';
import { Unstorable, checkStorable, storableText } from '../../lib/storable.ts';
import { NotJson, UnacceptableJson, parseStrictly } from '../../lib/strict-json.ts';

/** Maximum size of a run's output. openapi.yaml (RecordRunsRequest.runs) sets the same limit for a reported run. */
export const MAX_OUTPUT_BYTES = 262_144;
export const MAX_STACK_BYTES = 4_096;
const MAX_MESSAGE_BYTES = 1_024;

/** Keeps the beginning of a stream in bounded memory, and counts all of its bytes. */
export class Beginning {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #kept = 0;
  total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Buffer): void {
    this.total += chunk.length;
    const part = chunk.subarray(0, this.#limit - this.#kept);
    if (part.length > 0) this.#chunks.push(part);
    this.#kept += part.length;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** Decodes UTF-8 that may be truncated. Drops an incomplete last character, and replaces invalid bytes with U+FFFD. */
const decodeCut = (bytes: Uint8Array) => new TextDecoder().decode(bytes, { stream: true });

/** Returns a replacement for output that a run cannot store unchanged: the text, and a note that explains why. */
function keptText(bytes: Buffer, isComplete: boolean, note: string) {
  const text = storableText(new TextDecoder().decode(bytes, { stream: !isComplete }));
  // Measure the text again, because U+FFFD may be longer than the bytes that it replaces.
  const whole = Buffer.from(text);
  if (isComplete && whole.length <= MAX_OUTPUT_BYTES) return { text, truncated: false, note };
  return { text: decodeCut(whole.subarray(0, MAX_OUTPUT_BYTES)), truncated: true, note };
}

/** Parses output as JSON. Returns output that is not JSON as text, without the final newline that programs print. */
function parse(bytes: Buffer): unknown {
  try {
    return parseStrictly(bytes, FIXED_LIMITS.maxJsonDepth);
  } catch (error) {
    if (error instanceof NotJson) return bytes.toString().replace(/\r?\n$/, '');
    throw error;
  }
}

/**
 * Returns the output of a run: the value if the bytes are JSON, otherwise the text. For output that is empty,
 * too long or not storable, returns an object with the text and a note.
 * @param what - names the value in the note
 */
export function outputOf({ bytes, total }: Pick<Beginning, 'bytes' | 'total'>, what = 'output'): unknown {
  if (total > MAX_OUTPUT_BYTES) {
    const note = `The ${what} has ${total.toLocaleString('en')} bytes; a run keeps the first ${MAX_OUTPUT_BYTES.toLocaleString('en')}.`;
    return keptText(bytes.subarray(0, MAX_OUTPUT_BYTES), false, note);
  }
  if (bytes.toString().trim() === '') return { text: '', truncated: false, note: `The ${what} is empty.` };
  try {
    const value = parse(bytes);
    checkStorable('', value);
    return value;
  } catch (error) {
    if (error instanceof UnacceptableJson) {
      return keptText(bytes, true, `The ${what} is kept as text because it ${error.message}.`);
    }
    if (error instanceof UnacceptableNumber || error instanceof Unstorable) {
      return keptText(bytes, true, `The ${what} is kept as text. ${error.message}`);
    }
    throw error;
  }
}

/** Returns the output of a run, like `outputOf`, for a value that is already parsed. */
export function outputOfValue(value: unknown, what?: string): unknown {
  const bytes = Buffer.from(exactJson(value));
  return outputOf({ bytes, total: bytes.length }, what);
}

/**
 * Returns an error in the form that a run stores. Truncates a long message at its end, and a long stack at its start.
 */
export function runError(name: string, message: string, stack = ''): RunError {
  const start = Buffer.from(storableText(message));
  const isLong = start.length > MAX_MESSAGE_BYTES;
  const error = {
    name,
    message: decodeCut(start.subarray(0, MAX_MESSAGE_BYTES)) + (isLong ? '… (cut)' : ''),
  };
  if (stack === '') return error;
  const end = Buffer.from(storableText(stack));
  if (end.length <= MAX_STACK_BYTES) return { ...error, stackTrace: end.toString() };
  // Remove what remains of a character that the cut has split.
  const text = end
    .subarray(-MAX_STACK_BYTES)
    .toString()
    .replace(/^\uFFFD+/, '');
  return { ...error, stackTrace: `(cut) …${text}` };
}
