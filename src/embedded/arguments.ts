import { CommandError, badValue, failedToParse, typeMismatch } from './errors.ts';
import type { KeyPart } from './index-keys.ts';
import { numberOf } from './number-order.ts';
import { pathOf } from './paths.ts';
import { type Hint, patternText } from './planner.ts';
import {
  type RawField,
  type RawValue,
  TYPE,
  fieldsOf,
  isArray,
  isNumber,
  isObject,
  textOf,
  valuesOf,
} from './raw-bson.ts';
import { isTruthy } from './filter-tests.ts';

/** Fields that drivers add to any command and that mean nothing, or nothing harmful, on a single server. */
const METADATA = new Set(
  (
    '$db lsid $clusterTime $readPreference comment maxTimeMS apiVersion apiStrict ' +
    'apiDeprecationErrors readConcern writeConcern maxTimeMSOpTime $audit $client'
  ).split(' '),
);

const NONE: ReadonlyMap<string, readonly RawValue[]> = new Map();
const TRANSACTION_FIELDS = new Set(['txnNumber', 'startTransaction', 'autocommit']);

/** A command's or sub-document's fields, read by name and type. */
export class Arguments {
  readonly owner: string;
  readonly #fields: ReadonlyMap<string, RawValue>;
  /** Lists that came beside the command instead of inside it (OP_MSG's document sequences). */
  readonly #sequences: ReadonlyMap<string, readonly RawValue[]>;

  constructor(
    owner: string,
    fields: Iterable<RawField>,
    sequences: ReadonlyMap<string, readonly RawValue[]> = NONE,
  ) {
    this.owner = owner;
    this.#fields = new Map(fields);
    this.#sequences = sequences;
  }

  static of(owner: string, value: RawValue): Arguments {
    return new Arguments(owner, fieldsOf(value));
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  value(name: string): RawValue | undefined {
    const value = this.#fields.get(name);
    return value?.type === TYPE.null ? undefined : value;
  }

  /** @throws CommandError 40415 for fields that are neither `known` nor a driver's metadata */
  allowOnly(known: readonly string[], metadata = true): void {
    for (const name of [...this.#fields.keys(), ...this.#sequences.keys()]) {
      if (known.includes(name) || (metadata && METADATA.has(name))) continue;
      if (metadata && TRANSACTION_FIELDS.has(name)) {
        throw new CommandError(20, 'Transaction numbers are only allowed on a replica set member or mongos');
      }
      throw new CommandError(
        40415,
        `BSON field '${this.owner}.${name}' is an unknown field, or not supported by the embedded engine.`,
      );
    }
  }

  /** @throws CommandError 238 if a field is there with a value that asks for something */
  refuse(...names: string[]): void {
    for (const name of names) {
      const value = this.value(name);
      if (value && isAsking(value)) {
        throw new CommandError(
          238,
          `'${this.owner}.${name}' is not supported by the embedded engine; set MONGODB_URI to use a real MongoDB`,
        );
      }
    }
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

  /** A whole number of at least 0. */
  count(name: string): number | undefined {
    const value = this.value(name);
    if (!value) return undefined;
    if (!isNumber(value)) throw this.#wrongType(name, 'long');
    const number = numberOf(value);
    if (!Number.isSafeInteger(number)) throw failedToParse(`'${this.owner}.${name}' must be a whole number`);
    if (number < 0) {
      throw new CommandError(51024, `BSON field '${name}' value must be >= 0, actual value '${number}'`);
    }
    return number;
  }

  /** A 64-bit number, such as a cursor's id. */
  long(name: string): bigint {
    const value = this.value(name);
    if (!value) throw this.#wrongType(name, 'long');
    return this.#longOf(name, value);
  }

  longs(name: string): bigint[] {
    return (this.list(name) ?? []).map((value) => this.#longOf(name, value));
  }

  #longOf(name: string, value: RawValue): bigint {
    if (value.type === TYPE.long) return value.bytes.readBigInt64LE(value.start);
    if (value.type === TYPE.int) return BigInt(value.bytes.readInt32LE(value.start));
    throw this.#wrongType(name, 'long');
  }

  #wrongType(name: string, wanted: string): CommandError {
    return typeMismatch(`BSON field '${this.owner}.${name}' is the wrong type, expected type '${wanted}'`);
  }
}

function isAsking(value: RawValue): boolean {
  if (isObject(value) || isArray(value)) return fieldsOf(value).length > 0;
  return isTruthy(value);
}

/** When a command's maxTimeMS runs out, in milliseconds since the epoch. */
export function deadlineOf(args: Arguments): number | undefined {
  const maxTimeMs = args.count('maxTimeMS');
  return maxTimeMs ? Date.now() + maxTimeMs : undefined;
}

/** The fields of a sort or index document: names with 1 or -1. Throws 2 for anything else. */
export function keyPartsOf(value: RawValue | undefined, what: string): KeyPart[] {
  if (!value) return [];
  const parts = fieldsOf(value).map(([name, direction]): KeyPart => {
    const number = isNumber(direction) ? numberOf(direction) : 0;
    if (number !== 1 && number !== -1) {
      throw badValue(
        `${what} values must be 1 or -1; others are not supported by the embedded engine: ${name}`,
      );
    }
    if (name === '' || name.split('.').includes('') || name.startsWith('$')) {
      throw badValue(`${what} field names cannot be empty or start with '$': '${name}'`);
    }
    return { path: pathOf(name), direction: number };
  });
  if (parts.length > 32) throw badValue(`${what} has more than 32 fields`);
  if (new Set(parts.map(({ path }) => path.text)).size < parts.length) {
    throw badValue(`${what} names a field twice`);
  }
  return parts;
}

/** A hint: an index name, an index key document or {$natural: 1|-1}. */
export function hintOf(args: Arguments): Hint | undefined {
  const value = args.value('hint');
  if (!value || (isObject(value) && fieldsOf(value).length === 0)) return undefined;
  if (value.type === TYPE.string) return { name: textOf(value) };
  if (!isObject(value)) throw failedToParse('Hint must be a string or an object');
  const [first] = fieldsOf(value);
  if (first?.[0] === '$natural') return { natural: numberOf(first[1]) === -1 ? -1 : 1 };
  return { pattern: patternText(keyPartsOf(value, 'hint')) };
}
