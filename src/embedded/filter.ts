import { reasonOf } from '../lib/system-errors.ts';
import { CommandError, badValue } from './errors.ts';
import { type FieldName, parseFieldName } from './field-name.ts';
import {
  MAX_DEPTH,
  type RawField,
  type RawValue,
  TYPE,
  fieldsOf,
  isArray,
  isObject,
  isTruthy,
  textOf,
  valuesOf,
} from './raw-bson.ts';
import { supported } from './supported.ts';

/** A parsed and checked query filter, or a part of one. */
export type Filter = GroupFilter | FieldFilter;

export interface GroupFilter {
  readonly kind: '$and' | '$or';
  readonly filters: readonly Filter[];
}

export interface FieldFilter {
  readonly kind: 'field';
  readonly field: FieldName;
  readonly test: Test;
}

/** The operator and the operand of a condition on one field. */
export type Test =
  | { readonly operator: '$eq' | '$gt' | '$gte' | '$lt' | '$lte' | '$ne'; readonly value: RawValue }
  | { readonly operator: '$in' | '$nin'; readonly values: readonly RawValue[] }
  | { readonly operator: '$exists'; readonly wanted: boolean }
  | { readonly operator: '$regex'; readonly pattern: RegExp };

/**
 * Parses a query filter, e.g. {a: 1, b: {$gt: 2}}.
 * @throws CommandError 2 for a malformed or unsupported filter; 51091 or 51108 for an invalid regular expression
 */
export function parseFilter(query: RawValue | undefined, depth = 0): GroupFilter {
  if (depth > MAX_DEPTH) throw badValue('exceeded maximum query tree depth');
  const fields = query ? fieldsOf(query) : [];
  return { kind: '$and', filters: fields.flatMap((field) => parseField(field, depth)) };
}

function parseField([name, value]: RawField, depth: number): Filter[] {
  if (name.startsWith('$')) return [parseGroup(name, value, depth)];
  const field = parseFieldName(name, 'a filter');
  return parseTests(value).map((test): FieldFilter => ({ kind: 'field', field, test }));
}

function parseGroup(name: string, value: RawValue, depth: number): GroupFilter {
  const operator = supported('query operators', name, 2);
  if (operator !== '$and' && operator !== '$or') throw badValue(`unknown top level operator: ${name}`);
  const branches = isArray(value) ? valuesOf(value) : [];
  if (branches.length === 0 || !branches.every(isObject)) {
    throw badValue(`${name} must be a non-empty array of objects`);
  }
  return { kind: operator, filters: branches.map((branch) => parseFilter(branch, depth + 1)) };
}

/** Parses a field's condition: `{$gt: 1, $lt: 5}` becomes two tests; a plain value becomes one equality test. */
function parseTests(condition: RawValue): Test[] {
  if (condition.type === TYPE.regex) return [{ operator: '$regex', pattern: regexOf(condition, undefined) }];
  const operators = isObject(condition) ? fieldsOf(condition) : [];
  if (!operators[0]?.[0].startsWith('$')) return [{ operator: '$eq', value: comparable('$eq', condition) }];
  return operators.flatMap(([name, operand]) => parseTest(name, operand, new Map(operators)));
}

/** @param siblings - all operators of the same condition, e.g. $options beside $regex */
function parseTest(name: string, operand: RawValue, siblings: ReadonlyMap<string, RawValue>): Test[] {
  const operator = supported('query operators', name, 2);
  switch (operator) {
    case '$ne':
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return [{ operator, value: comparable(operator, operand) }];
    case '$in':
    case '$nin':
      if (!isArray(operand)) throw badValue(`${operator} needs an array`);
      return [{ operator, values: valuesOf(operand).map((value) => comparable(operator, value)) }];
    case '$exists':
      return [{ operator, wanted: isTruthy(operand) }];
    case '$regex':
      return [{ operator, pattern: regexOf(operand, siblings.get('$options')) }];
    case '$options':
      if (!siblings.has('$regex')) throw badValue('$options needs a $regex');
      return [];
    default:
      throw badValue(`unknown operator: ${name}`);
  }
}

function comparable(operator: string, value: RawValue): RawValue {
  if (value.type !== TYPE.undefined && value.type !== TYPE.regex) return value;
  throw badValue(`${operator} cannot compare with a regular expression or with undefined`);
}

/** Converts a BSON regex or a $regex string to a RegExp. Supports the options i, m, s and u. */
function regexOf(value: RawValue, options: RawValue | undefined): RegExp {
  if (options && options.type !== TYPE.string) throw badValue('$options must be a string');
  const [pattern, ownFlags] = regexParts(value);
  const flags = options ? textOf(options) : ownFlags;
  if (/[^imsu]/.test(flags)) {
    throw new CommandError(51108, `$options must consist of i, m, s and u, but is '${flags}'`);
  }
  try {
    return new RegExp(pattern, [...new Set(`${flags}u`)].join(''));
  } catch (error) {
    throw new CommandError(51091, `Regular expression is invalid: ${reasonOf(error)}`);
  }
}

function regexParts({ type, bytes, start, end }: RawValue): [pattern: string, flags: string] {
  if (type === TYPE.string) return [bytes.toString('utf8', start + 4, end - 1), ''];
  if (type !== TYPE.regex) throw badValue('$regex must be a string');
  const split = bytes.indexOf(0, start);
  return [bytes.toString('utf8', start, split), bytes.toString('utf8', split + 1, end - 1)];
}
