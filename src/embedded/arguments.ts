import { CommandError, badValue, failedToParse, typeMismatch } from './errors.ts';
import { parseFieldName } from './field-name.ts';
import type { KeyPart } from './index-keys.ts';
import { numberOf } from './number-order.ts';
import {
  type RawField,
  type RawValue,
  TYPE,
  fieldsOf,
  isArray,
  isNumber,
  isObject,
  isTruthy,
  textOf,
  valuesOf,
} from './raw-bson.ts';
import { type Group, isSupported, supported } from './supported.ts';

const NONE: ReadonlyMap<string, readonly RawValue[]> = new Map();

/** Reads the fields of a command, or of a document inside a command, and checks their types. */
export class Arguments {
  readonly group: Group;
  readonly #fields: ReadonlyMap<string, RawValue>;
  /** Lists that the client sent in OP_MSG document sequences, outside the command's body, by field name. */
  readonly #sequences: ReadonlyMap<string, readonly RawValue[]>;

  /**
   * @param group - the group of supported.ts that lists the allowed fields
   * @throws CommandError 40415 for a field that the group lacks
   */
  constructor(group: Group, fields: Iterable<RawField>, sequences = NONE) {
    this.group = group;
    this.#fields = new Map(fields);
    this.#sequences = sequences;
    for (const name of [...this.#fields.keys(), ...sequences.keys()]) {
      if (!isSupported('any command', name)) supported(group, name, 40415);
    }
  }

  /** @throws CommandError 14 if the value is not a document */
  static of(group: Group, value: RawValue): Arguments {
    if (!isObject(value)) throw typeMismatch(`'${group}' must contain documents only`);
    return new Arguments(group, fieldsOf(value));
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  value(name: string): RawValue | undefined {
    const value = this.#fields.get(name);
    return value?.type === TYPE.null ? undefined : value;
  }

  text(name: string): string | undefined {
    const value = this.value(name);
    if (!value) return undefined;
    if (value.type !== TYPE.string) throw this.#wrongType(name, 'string');
    return textOf(value);
  }

  document(name: string): RawValue | undefined {
    const value = this.value(name);
    if (value && !isObject(value)) throw this.#wrongType(name, 'object');
    return value;
  }

  list(name: string): readonly RawValue[] | undefined {
    const sequence = this.#sequences.get(name);
    if (sequence) return sequence;
    const value = this.value(name);
    if (!value) return undefined;
    if (!isArray(value)) throw this.#wrongType(name, 'array');
    return valuesOf(value);
  }

  boolean(name: string): boolean {
    const value = this.value(name);
    if (!value) return false;
    if (value.type !== TYPE.bool && !isNumber(value)) throw this.#wrongType(name, 'bool');
    return isTruthy(value);
  }

  /** Returns an integer of at least 0; undefined if the field is missing or null. */
  count(name: string): number | undefined {
    const value = this.value(name);
    if (!value) return undefined;
    if (!isNumber(value)) throw this.#wrongType(name, 'long');
    const number = numberOf(value);
    if (!Number.isSafeInteger(number)) throw failedToParse(`'${this.group}.${name}' must be a whole number`);
    if (number < 0) {
      throw new CommandError(51024, `BSON field '${name}' value must be >= 0, actual value '${number}'`);
    }
    return number;
  }

  /** Reads a 64-bit integer, e.g. a cursor id. */
  long(name: string): bigint {
    return this.#longOf(name, this.value(name));
  }

  longs(name: string): bigint[] {
    return (this.list(name) ?? []).map((value) => this.#longOf(name, value));
  }

  #longOf(name: string, value: RawValue | undefined): bigint {
    if (value?.type === TYPE.long) return value.bytes.readBigInt64LE(value.start);
    if (value?.type === TYPE.int) return BigInt(value.bytes.readInt32LE(value.start));
    throw this.#wrongType(name, 'long');
  }

  #wrongType(name: string, wanted: string): CommandError {
    return typeMismatch(`BSON field '${this.group}.${name}' is the wrong type, expected type '${wanted}'`);
  }
}

/** Parses a sort or a key pattern, e.g. {a: 1, b: -1}. Throws CommandError 2, which names `what`, if it is invalid. */
export function keyPartsOf(value: RawValue | undefined, what: string): KeyPart[] {
  if (!value) return [];
  const parts = fieldsOf(value).map(([name, direction]): KeyPart => {
    const number = isNumber(direction) ? numberOf(direction) : 0;
    if (number !== 1 && number !== -1) {
      throw badValue(`${what}: the direction of '${name}' must be 1 or -1 in the embedded engine`);
    }
    return { field: parseFieldName(name, what), direction: number };
  });
  if (parts.length > 32) throw badValue(`${what} may have at most 32 fields, but has ${parts.length}`);
  if (new Set(parts.map(({ field }) => field.text)).size < parts.length) {
    throw badValue(`${what} names a field twice`);
  }
  return parts;
}
