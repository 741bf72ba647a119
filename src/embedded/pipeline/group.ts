import { Double, Int32 } from 'bson';
import { calculate } from '../arithmetic.ts';
import { NULL, arrayOf, documentOf, rawOf } from '../bson-writer.ts';
import { compareValues } from '../compare.ts';
import { CommandError } from '../errors.ts';
import { numberOf } from '../number-order.ts';
import { type RawField, type RawValue, TYPE, fieldsOf, isNumber, isObject } from '../raw-bson.ts';
import { valueKey } from '../value-key.ts';
import { compileExpression, type Expression } from './expression.ts';

/** Collects one output field of a group. */
interface Accumulator {
  add(value: RawValue | undefined): void;
  result(): RawValue;
}

/** MongoDB's limit for grouping without a disk, in bytes. */
const MAX_GROUP_BYTES = 100 * 1024 * 1024;

interface Group {
  readonly id: RawValue;
  readonly accumulators: readonly Accumulator[];
}

interface FieldSpec {
  readonly name: string;
  readonly expression: Expression;
  readonly create: () => Accumulator;
  /** Whether it holds on to every value it is given. */
  readonly keeps: boolean;
}

/** A compiled $group: feed it documents, then take the groups in the order they first appeared. */
export class Grouper {
  readonly #id: Expression;
  readonly #fields: readonly FieldSpec[];
  readonly #groups = new Map<string, Group>();
  #bytes = 0;

  /** @throws CommandError 15955 without an _id, 15952 for unknown accumulators */
  constructor(spec: RawValue) {
    if (!isObject(spec)) throw new CommandError(15947, "a group's fields must be specified in an object");
    const fields = fieldsOf(spec);
    const id = fields.find(([name]) => name === '_id')?.[1];
    if (!id) throw new CommandError(15955, 'a group specification must include an _id');
    this.#id = compileExpression(id);
    this.#fields = fields.filter(([name]) => name !== '_id').map(parseField);
  }

  /** @throws CommandError 292 if the groups exceed 100 MB */
  add(document: RawValue): void {
    const id = this.#id(document) ?? NULL;
    const key = valueKey(id).toString('latin1');
    let group = this.#groups.get(key);
    if (!group) {
      group = { id, accumulators: this.#fields.map(({ create }) => create()) };
      this.#groups.set(key, group);
      this.#bytes += key.length + 100;
    }
    for (const [at, { expression, keeps }] of this.#fields.entries()) {
      const value = expression(document);
      if (value && keeps) this.#bytes += value.end - value.start;
      group.accumulators[at]?.add(value);
    }
    if (this.#bytes > MAX_GROUP_BYTES)
      throw new CommandError(292, `$group exceeded ${MAX_GROUP_BYTES} bytes`);
  }

  *results(): Generator<RawValue> {
    for (const { id, accumulators } of this.#groups.values()) {
      const fields = this.#fields.map(({ name }, at): RawField => [name, accumulators[at]?.result() ?? NULL]);
      yield documentOf([['_id', id], ...fields]);
    }
  }
}

function parseField([name, spec]: RawField): FieldSpec {
  const [operation, ...more] = isObject(spec) ? fieldsOf(spec) : [];
  if (!operation || more.length > 0)
    throw new CommandError(40234, `The field '${name}' must be an accumulator object`);
  if (name.includes('.') || name.startsWith('$')) {
    throw new CommandError(40235, `The field name '${name}' cannot contain '.' or start with '$'`);
  }
  const [operator, operand] = operation;
  const create = Object.hasOwn(ACCUMULATORS, operator) ? ACCUMULATORS[operator] : undefined;
  if (!create) {
    throw new CommandError(
      15952,
      `unknown group operator '${operator}', or not supported by the embedded engine`,
    );
  }
  const keeps = operator === '$push' || operator === '$addToSet';
  const expression = operator === '$count' ? () => undefined : compileExpression(operand);
  return { name, expression, create, keeps };
}

const ACCUMULATORS: Readonly<Record<string, () => Accumulator>> = {
  $sum: () => sum(),
  $count: count,
  $avg: average,
  $min: () => extreme((order) => order < 0),
  $max: () => extreme((order) => order > 0),
  $first: () => keeping((before, value) => before ?? value ?? NULL),
  $last: () => keeping((_before, value) => value ?? NULL),
  $push: () => {
    const values: RawValue[] = [];
    return { add: (value) => value && values.push(value), result: () => arrayOf(values) };
  },
  $addToSet: () => {
    const values = new Map<string, RawValue>();
    return {
      add: (value) => {
        const key = value && valueKey(value).toString('latin1');
        if (value && key !== undefined && !values.has(key)) values.set(key, value);
      },
      result: () => arrayOf([...values.values()]),
    };
  },
};

function sum(): Accumulator {
  let total = rawOf(new Int32(0));
  return {
    add: (value) => {
      if (value && isNumber(value)) total = calculate(total, value, 'add');
    },
    result: () => total,
  };
}

function count(): Accumulator {
  let n = 0;
  return {
    add: () => {
      n += 1;
    },
    result: () => rawOf(n),
  };
}

/** Decimals stay decimals; other averages are doubles, as in MongoDB. */
function average(): Accumulator {
  const total = sum();
  let n = 0;
  return {
    add: (value) => {
      if (!value || !isNumber(value)) return;
      if (value.type === TYPE.decimal) {
        throw new CommandError(168, '$avg of Decimal128 is not supported by the embedded engine');
      }
      n += 1;
      total.add(value);
    },
    result: () => (n === 0 ? NULL : rawOf(new Double(numberOf(total.result()) / n))),
  };
}

function extreme(better: (order: number) => boolean): Accumulator {
  return keeping((before, value) => {
    if (!value || value.type === TYPE.null || value.type === TYPE.undefined) return before;
    return !before || better(compareValues(value, before)) ? value : before;
  });
}

function keeping(
  choose: (before: RawValue | undefined, value: RawValue | undefined) => RawValue | undefined,
): Accumulator {
  let kept: RawValue | undefined;
  return {
    add: (value) => {
      kept = choose(kept, value);
    },
    result: () => kept ?? NULL,
  };
}
