import { badValue, failedToParse, unsupported } from './errors.ts';
import type { GroupFilter, Test } from './query-tree.ts';
import { numberOf } from './number-order.ts';
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
import { regexOf } from './regex.ts';

/** Parsers of queries inside operators; passed in, because they in turn need this module. */
export interface NestedParsers {
  tests(condition: RawValue, depth: number): Test[];
  filter(query: RawValue, depth: number): GroupFilter;
  isOperators(value: RawValue): boolean;
}

export const FIELD_OPERATORS: ReadonlySet<string> = new Set(
  '$eq $ne $gt $gte $lt $lte $in $nin $all $not $exists $type $regex $options $mod $size $elemMatch'.split(
    ' ',
  ),
);

const UNSUPPORTED = new Set(
  (
    '$bitsAllSet $bitsAnySet $bitsAllClear $bitsAnyClear $geoWithin $geoIntersects $near ' +
    '$nearSphere $jsonSchema $expr $where $text'
  ).split(' '),
);

/**
 * Parses one operator of a field's condition; `siblings` are its neighbours ($options beside $regex).
 * @throws CommandError 2 or 9, with MongoDB's messages
 */
export function parseTest(
  name: string,
  operand: RawValue,
  siblings: readonly RawField[],
  depth: number,
  nested: NestedParsers,
): Test {
  switch (name) {
    case '$eq':
    case '$ne':
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return parseComparison(name, operand);
    case '$in':
    case '$nin':
      return parseIn(name, operand);
    case '$all':
      return { operator: name, tests: parseAll(operand, depth, nested) };
    case '$not':
      return { operator: name, tests: parseNot(operand, depth, nested) };
    case '$elemMatch':
      return parseElemMatch(operand, depth, nested);
    case '$regex':
      return { operator: name, pattern: regexOf(operand, optionsOf(siblings)), source: operand };
    default:
      return parseScalarTest(name, operand);
  }
}

function parseScalarTest(name: string, operand: RawValue): Test {
  switch (name) {
    case '$exists':
      return { operator: name, wanted: isTruthy(operand) };
    case '$type':
      return { operator: name, types: parseTypes(operand) };
    case '$mod':
      return parseMod(operand);
    case '$size':
      return { operator: name, size: wholeNumber('$size', operand) };
    default:
      if (UNSUPPORTED.has(name)) throw unsupported(2, `the query operator ${name}`);
      throw badValue(`unknown operator: ${name}`);
  }
}

function parseComparison(operator: '$eq' | '$ne' | '$gt' | '$gte' | '$lt' | '$lte', value: RawValue): Test {
  if (value.type === TYPE.undefined) throw badValue('cannot compare to undefined');
  if (value.type === TYPE.regex && operator !== '$eq') {
    throw badValue(`Can't have RegEx as arg to predicate over field with ${operator}.`);
  }
  return { operator, value };
}

function parseIn(operator: '$in' | '$nin', operand: RawValue): Test {
  if (!isArray(operand)) throw badValue(`${operator} needs an array`);
  const values: RawValue[] = [];
  const patterns: RegExp[] = [];
  for (const value of valuesOf(operand)) {
    if (value.type === TYPE.regex) patterns.push(regexOf(value, undefined));
    else if (value.type === TYPE.undefined) throw badValue('cannot compare to undefined');
    else if (isObject(value) && fieldsOf(value)[0]?.[0].startsWith('$')) {
      throw badValue(`cannot nest $ under ${operator}`);
    } else values.push(value);
  }
  return { operator, values, patterns };
}

function parseAll(operand: RawValue, depth: number, nested: NestedParsers): Test[] {
  if (!isArray(operand)) throw badValue('$all needs an array');
  return valuesOf(operand).map((value) => {
    if (value.type === TYPE.regex) return parseTest('$regex', value, [], depth, nested);
    const field = isObject(value) ? fieldsOf(value)[0] : undefined;
    if (field?.[0] === '$elemMatch') return parseElemMatch(field[1], depth, nested);
    if (field?.[0].startsWith('$')) throw badValue('no $ expressions in $all');
    return { operator: '$eq', value };
  });
}

function parseNot(operand: RawValue, depth: number, nested: NestedParsers): Test[] {
  if (operand.type === TYPE.regex) return [parseTest('$regex', operand, [], depth, nested)];
  if (!isObject(operand)) throw badValue('$not needs a regex or a document');
  if (fieldsOf(operand).length === 0) throw badValue('$not cannot be empty');
  if (!fieldsOf(operand)[0]?.[0].startsWith('$'))
    throw badValue('$not needs a regex or a document with operators');
  return nested.tests(operand, depth + 1);
}

function parseElemMatch(operand: RawValue, depth: number, nested: NestedParsers): Test {
  if (!isObject(operand)) throw badValue('$elemMatch needs an Object');
  if (nested.isOperators(operand)) return { operator: '$elemMatch', tests: nested.tests(operand, depth + 1) };
  return { operator: '$elemMatch', filter: nested.filter(operand, depth + 1) };
}

function optionsOf(siblings: readonly RawField[]): string | undefined {
  const options = siblings.find(([name]) => name === '$options')?.[1];
  if (!options) return undefined;
  if (options.type !== TYPE.string) throw badValue('$options has to be a string');
  return textOf(options);
}

function parseMod(operand: RawValue): Test {
  if (!isArray(operand)) throw badValue('malformed mod, needs to be an array');
  const [divisor, remainder, ...more] = valuesOf(operand);
  if (!divisor || !remainder) throw badValue('malformed mod, not enough elements');
  if (more.length > 0) throw badValue('malformed mod, too many elements');
  const [by, rest] = [divisor, remainder].map((value) => {
    const number = isNumber(value) ? Math.trunc(numberOf(value)) : Number.NaN;
    if (!Number.isSafeInteger(number))
      throw badValue('malformed mod, divisor or remainder not a whole number');
    return number;
  });
  if (!by) throw badValue('divisor cannot be 0');
  return { operator: '$mod', divisor: by, remainder: rest ?? 0 };
}

const TYPE_NAMES: Readonly<Record<string, readonly number[]>> = {
  ...Object.fromEntries(Object.entries(TYPE).map(([name, type]) => [name, [type]])),
  binData: [TYPE.binary],
  javascript: [TYPE.code],
  javascriptWithScope: [TYPE.codeWithScope],
  number: [TYPE.double, TYPE.int, TYPE.long, TYPE.decimal],
};

function parseTypes(operand: RawValue): Set<number> {
  const wanted = isArray(operand) ? valuesOf(operand) : [operand];
  if (wanted.length === 0) throw failedToParse('$type must match at least one type');
  return new Set(
    wanted.flatMap((value) => {
      if (value.type === TYPE.string) {
        const types = Object.hasOwn(TYPE_NAMES, textOf(value)) ? TYPE_NAMES[textOf(value)] : undefined;
        if (!types) throw badValue(`Unknown type name alias: ${textOf(value)}`);
        return types;
      }
      const code = isNumber(value) ? numberOf(value) : Number.NaN;
      if (!((code >= 1 && code <= 19) || code === 127 || code === -1))
        throw badValue('Invalid numerical type code');
      return [code === -1 ? TYPE.minKey : code];
    }),
  );
}

function wholeNumber(name: string, operand: RawValue): number {
  const number = isNumber(operand) ? numberOf(operand) : Number.NaN;
  if (!Number.isInteger(number)) throw failedToParse(`Failed to parse ${name}. Expected an integer`);
  if (number < 0) throw failedToParse(`Failed to parse ${name}. Expected a non-negative number`);
  return number;
}

/** MongoDB's truth: everything but false, null, undefined and zero. */
export function isTruthy(value: RawValue): boolean {
  if (value.type === TYPE.bool) return value.bytes[value.start] === 1;
  if (value.type === TYPE.null || value.type === TYPE.undefined) return false;
  return !isNumber(value) || numberOf(value) !== 0;
}
