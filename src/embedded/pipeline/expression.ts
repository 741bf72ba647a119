import { calculate } from '../arithmetic.ts';
import { NULL, arrayOf, documentOf, rawOf } from '../bson-writer.ts';
import { compareValues } from '../compare.ts';
import { CommandError, typeMismatch } from '../errors.ts';
import { isTruthy } from '../filter-tests.ts';
import { numberOf } from '../number-order.ts';
import {
  type RawField,
  type RawValue,
  TYPE,
  fieldOf,
  fieldsOf,
  isArray,
  isNumber,
  isObject,
  textOf,
  valuesOf,
} from '../raw-bson.ts';

/** Computes a value from a document; undefined for a missing field. */
export type Expression = (document: RawValue) => RawValue | undefined;

/**
 * Compiles an aggregation expression: field paths, $$ROOT, literals and the operators below.
 * @throws CommandError 168 for other operators, 17276 for other variables
 */
export function compileExpression(value: RawValue): Expression {
  if (value.type === TYPE.string) return compileText(value);
  if (isArray(value)) {
    const items = valuesOf(value).map(compileExpression);
    return (document) => arrayOf(items.map((item) => item(document) ?? NULL));
  }
  if (!isObject(value)) return () => value;
  const fields = fieldsOf(value);
  const [first] = fields;
  if (first?.[0].startsWith('$')) {
    if (fields.length > 1)
      throw new CommandError(15983, 'an expression object must have exactly one operator');
    return compileOperator(first[0], first[1]);
  }
  const members = fields.map(([name, inner]): [string, Expression] => [name, compileExpression(inner)]);
  return (document) =>
    documentOf(
      members.flatMap(([name, inner]): RawField[] => {
        const result = inner(document);
        return result ? [[name, result]] : [];
      }),
    );
}

function compileText(value: RawValue): Expression {
  const text = textOf(value);
  if (!text.startsWith('$')) return () => value;
  if (text === '$$ROOT' || text === '$$CURRENT') return (document) => document;
  const path = text.startsWith('$$ROOT.') ? text.slice('$$ROOT.'.length) : text.slice(1);
  if (path.startsWith('$')) {
    throw new CommandError(
      17276,
      `the variable ${text} is undefined or not supported by the embedded engine`,
    );
  }
  if (path === '' || path.split('.').includes(''))
    throw new CommandError(40353, `'${text}' is no valid field path`);
  const parts = path.split('.').map((part) => Buffer.from(part));
  return (document) => follow(document, parts, 0);
}

/** Field paths in expressions: an array on the way gives the array of what its documents have. */
function follow(value: RawValue | undefined, parts: readonly Buffer[], at: number): RawValue | undefined {
  const part = parts[at];
  if (!part || !value) return value;
  if (isObject(value)) return follow(fieldOf(value, part), parts, at + 1);
  if (!isArray(value)) return undefined;
  return arrayOf(
    valuesOf(value).flatMap((item) => {
      const found = isObject(item) || isArray(item) ? follow(item, parts, at) : undefined;
      return found ? [found] : [];
    }),
  );
}

type Operator = (values: readonly (RawValue | undefined)[]) => RawValue | undefined;

const comparison =
  (test: (order: number) => boolean): Operator =>
  ([left, right]) =>
    rawOf(test(compareValues(left, right)));

/** Operators on a fixed number of arguments, or on any number (-1). */
const OPERATORS: Readonly<Record<string, readonly [argumentCount: number, operator: Operator]>> = {
  $eq: [2, comparison((order) => order === 0)],
  $ne: [2, comparison((order) => order !== 0)],
  $gt: [2, comparison((order) => order > 0)],
  $gte: [2, comparison((order) => order >= 0)],
  $lt: [2, comparison((order) => order < 0)],
  $lte: [2, comparison((order) => order <= 0)],
  $cmp: [2, ([left, right]) => rawOf(Math.sign(compareValues(left, right)))],
  $not: [1, ([value]) => rawOf(!holds(value))],
  $and: [-1, (values) => rawOf(values.every(holds))],
  $or: [-1, (values) => rawOf(values.some(holds))],
  $ifNull: [-1, (values) => values.find((value) => value && value.type !== TYPE.null) ?? values.at(-1)],
  $add: [-1, (values) => fold(values, 'add')],
  $multiply: [-1, (values) => fold(values, 'multiply')],
  $size: [1, ([value]) => rawOf(arrayItems('$size', value).length)],
  $arrayElemAt: [2, ([array, index]) => elementAt('$arrayElemAt', array, index ? numberOf(index) : 0)],
  $first: [1, ([array]) => elementAt('$first', array, 0)],
  $last: [1, ([array]) => elementAt('$last', array, -1)],
  $concat: [-1, concatenated],
};

function compileOperator(name: string, operand: RawValue): Expression {
  if (name === '$literal') return () => operand;
  if (name === '$cond') return compileCondition(operand);
  const known = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (!known) {
    throw new CommandError(168, `Unrecognized expression '${name}', or not supported by the embedded engine`);
  }
  const [count, operator] = known;
  const given = (isArray(operand) ? valuesOf(operand) : [operand]).map(compileExpression);
  if (count >= 0 && given.length !== count) {
    throw new CommandError(
      16020,
      `Expression ${name} takes exactly ${count} arguments. ${given.length} were passed in.`,
    );
  }
  return (document) => operator(given.map((argument) => argument(document)));
}

function compileCondition(operand: RawValue): Expression {
  const named = isObject(operand) ? new Map(fieldsOf(operand)) : undefined;
  const values = named
    ? [named.get('if'), named.get('then'), named.get('else')]
    : isArray(operand)
      ? valuesOf(operand)
      : [];
  const [test, yes, no] = values.map((value) => value && compileExpression(value));
  if (!test || !yes || !no || values.length !== 3) {
    throw new CommandError(17080, "$cond needs 'if', 'then' and 'else'");
  }
  return (document) => (holds(test(document)) ? yes(document) : no(document));
}

function holds(value: RawValue | undefined): boolean {
  return value !== undefined && isTruthy(value);
}

function isNullish(value: RawValue | undefined): boolean {
  return !value || value.type === TYPE.null || value.type === TYPE.undefined;
}

function fold(values: readonly (RawValue | undefined)[], operation: 'add' | 'multiply'): RawValue {
  let result = rawOf(operation === 'add' ? 0 : 1);
  for (const value of values) {
    if (!value || isNullish(value)) return NULL;
    if (!isNumber(value))
      throw typeMismatch(`$${operation} only supports numeric types in the embedded engine`);
    result = calculate(result, value, operation);
  }
  return result;
}

function arrayItems(name: string, value: RawValue | undefined): RawValue[] {
  if (!isArray(value)) throw new CommandError(17124, `The argument to ${name} must be an array`);
  return valuesOf(value);
}

function elementAt(name: string, array: RawValue | undefined, index: number): RawValue | undefined {
  return isNullish(array) ? NULL : arrayItems(name, array).at(index);
}

function concatenated(values: readonly (RawValue | undefined)[]): RawValue {
  let text = '';
  for (const value of values) {
    if (!value || isNullish(value)) return NULL;
    if (value.type !== TYPE.string) throw new CommandError(16702, '$concat only supports strings');
    text += textOf(value);
  }
  return rawOf(text);
}
