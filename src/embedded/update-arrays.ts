import { arrayOf, documentOf } from './bson-writer.ts';
import { compareValues, equalValues } from './compare.ts';
import { keyPartsOf } from './arguments.ts';
import { CommandError, badValue, failedToParse } from './errors.ts';
import { parseFilter } from './filter.ts';
import { compileFilter } from './matcher.ts';
import { numberOf } from './number-order.ts';
import { type RawValue, TYPE, fieldsOf, isArray, isNumber, isObject, valuesOf } from './raw-bson.ts';
import { sortKey } from './sorter.ts';

/** An array's new elements made from its old ones. */
export interface ArrayOperator {
  /** True if a missing field becomes an array. */
  readonly creates: boolean;
  apply(items: readonly RawValue[]): readonly RawValue[];
}

/**
 * The operators on arrays.
 * @throws CommandError 2 or 9 for operands of the wrong kind
 */
export function arrayOperator(operator: string, operand: RawValue): ArrayOperator | undefined {
  switch (operator) {
    case '$push':
      return { creates: true, apply: pusher(operand) };
    case '$addToSet':
      return { creates: true, apply: adder(operand) };
    case '$pop':
      return { creates: false, apply: popper(operand) };
    case '$pull':
      return { creates: false, apply: puller(operand) };
    case '$pullAll':
      return { creates: false, apply: remover(operand) };
    default:
      return undefined;
  }
}

/** Turns an array operator into one on the field's value. */
export function onField(operator: string, array: ArrayOperator, path: string) {
  return (before: RawValue | undefined): RawValue | undefined => {
    if (!before) return array.creates ? arrayOf(array.apply([])) : undefined;
    if (!isArray(before)) {
      if (operator === '$pull' || operator === '$pullAll') {
        throw badValue(`Cannot apply ${operator} to a non-array value, in the field '${path}'`);
      }
      if (operator === '$pop') throw typeMismatchOf(path);
      throw badValue(`The field '${path}' must be an array but is of another type`);
    }
    return arrayOf(array.apply(valuesOf(before)));
  };
}

function typeMismatchOf(path: string): CommandError {
  return new CommandError(14, `Path '${path}' contains an element of non-array type`);
}

type Change = (items: readonly RawValue[]) => readonly RawValue[];

function pusher(operand: RawValue): Change {
  const modifiers = modifiersOf(operand, ['$each', '$slice', '$sort', '$position'], '$push');
  if (!modifiers) return (items) => [...items, operand];
  const each = eachOf(modifiers);
  const slice = integerOf(modifiers.get('$slice'), '$slice');
  const position = integerOf(modifiers.get('$position'), '$position');
  const order = modifiers.get('$sort');
  const compare = order && orderOf(order);
  return (items) => {
    const at = position ?? items.length;
    let result = items.toSpliced(at < 0 ? Math.max(0, items.length + at) : at, 0, ...each);
    if (compare) result = result.toSorted(compare);
    if (slice === undefined) return result;
    return slice < 0 ? result.slice(slice) : result.slice(0, slice);
  };
}

function adder(operand: RawValue): Change {
  const modifiers = modifiersOf(operand, ['$each'], '$addToSet');
  const each = modifiers ? eachOf(modifiers) : [operand];
  return (items) => {
    const result = [...items];
    for (const value of each) if (!result.some((item) => equalValues(item, value))) result.push(value);
    return result;
  };
}

function modifiersOf(
  operand: RawValue,
  known: readonly string[],
  operator: string,
): ReadonlyMap<string, RawValue> | undefined {
  if (!isObject(operand)) return undefined;
  const fields = fieldsOf(operand);
  if (!fields.some(([name]) => name === '$each')) return undefined;
  const unknown = fields.find(([name]) => !known.includes(name));
  if (unknown) throw badValue(`Unrecognized clause in ${operator}: ${unknown[0]}`);
  return new Map(fields);
}

function eachOf(modifiers: ReadonlyMap<string, RawValue>): RawValue[] {
  const each = modifiers.get('$each');
  if (!isArray(each)) throw badValue('The argument to $each must be an array');
  return valuesOf(each);
}

function integerOf(value: RawValue | undefined, name: string): number | undefined {
  if (!value) return undefined;
  const number = isNumber(value) ? numberOf(value) : Number.NaN;
  if (!Number.isInteger(number)) throw badValue(`The value for ${name} must be an integer value`);
  return number;
}

/** 1 or -1 for whole elements, or a sort document for elements that are documents. */
function orderOf(order: RawValue): (left: RawValue, right: RawValue) => number {
  if (isNumber(order)) {
    const direction = numberOf(order);
    if (direction !== 1 && direction !== -1) throw badValue('The $sort element value must be either 1 or -1');
    return (left, right) => direction * compareValues(left, right);
  }
  if (!isObject(order) || fieldsOf(order).length === 0) {
    throw badValue(
      'The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields',
    );
  }
  const parts = keyPartsOf(order, '$sort');
  const nothing = documentOf([]);
  const keyOf = (value: RawValue): Buffer => sortKey(isObject(value) ? value : nothing, parts);
  return (left, right) => Buffer.compare(keyOf(left), keyOf(right));
}

function popper(operand: RawValue): Change {
  const end = isNumber(operand) ? numberOf(operand) : 0;
  if (end !== 1 && end !== -1) throw failedToParse('$pop expects 1 or -1');
  return (items) => (end === 1 ? items.slice(0, -1) : items.slice(1));
}

function remover(operand: RawValue): Change {
  if (!isArray(operand)) throw badValue('$pullAll requires an array argument');
  const unwanted = valuesOf(operand);
  return (items) => items.filter((item) => !unwanted.some((value) => equalValues(item, value)));
}

/** A query on the elements: on their fields if it names fields, on themselves if it is operators or a value. */
function puller(operand: RawValue): Change {
  if (isObject(operand) && !fieldsOf(operand)[0]?.[0].startsWith('$')) {
    const matches = compileFilter(parseFilter(operand));
    return (items) => items.filter((item) => !isObject(item) || !matches(item));
  }
  if (!isObject(operand) && operand.type !== TYPE.regex) {
    return (items) => items.filter((item) => !equalValues(item, operand));
  }
  const operators = operand.type === TYPE.regex ? documentOf([['$regex', operand]]) : operand;
  const matches = compileFilter(parseFilter(documentOf([['a', documentOf([['$elemMatch', operators]])]])));
  return (items) => items.filter((item) => !matches(documentOf([['a', arrayOf([item])]])));
}
