import { compareValues, equalValues } from './compare.ts';
import { numberOf } from './number-order.ts';
import { type Path, visitPath } from './paths.ts';
import { type RawValue, TYPE, isArray, isNumber, isObject, textOf, valuesOf } from './raw-bson.ts';
import type { Filter, GroupFilter, Test } from './query-tree.ts';
import { partsOf } from './regex.ts';
import { RANK, rankOf, valueKey } from './value-key.ts';

/** Says whether one value (undefined: a missing field) passes. */
export type ValueTest = (value: RawValue | undefined) => boolean;
type Predicate = (document: RawValue) => boolean;

/** The predicate of a parsed query: does a stored document match? */
export function compileFilter({ kind, filters }: GroupFilter): Predicate {
  const predicates = filters.map(compileAny);
  switch (kind) {
    case '$and':
      return (document) => predicates.every((matches) => matches(document));
    case '$or':
      return (document) => predicates.some((matches) => matches(document));
    case '$nor':
      return (document) => !predicates.some((matches) => matches(document));
  }
}

function compileAny(filter: Filter): Predicate {
  return filter.kind === 'field' ? compileField(filter.path, filter.test) : compileFilter(filter);
}

/** The predicate for one operator on one path, by MongoDB's rules for arrays, types and missing fields. */
function compileField(path: Path, test: Test): Predicate {
  switch (test.operator) {
    case '$ne':
    case '$nin':
    case '$not': {
      const positive = positives(test).map((inner) => compileField(path, inner));
      return (document) => !positive.every((matches) => matches(document));
    }
    case '$all': {
      const tests = test.tests.map((inner) => compileField(path, inner));
      return (document) => tests.length > 0 && tests.every((matches) => matches(document));
    }
    case '$exists':
      return (document) => visitPath(document, path, true, (value) => value !== undefined) === test.wanted;
    case '$size':
      return (document) =>
        visitPath(document, path, true, (value) => isArray(value) && valuesOf(value).length === test.size);
    case '$elemMatch': {
      const matches = compileElement(test);
      return (document) =>
        visitPath(document, path, true, (value) => isArray(value) && valuesOf(value).some(matches));
    }
    default: {
      const passes = compileValue(test);
      return (document) => visitPath(document, path, false, passes);
    }
  }
}

/** What a negating operator negates. */
function positives(test: Test): readonly Test[] {
  if (test.operator === '$not') return test.tests;
  if (test.operator === '$ne') return [{ operator: '$eq', value: test.value }];
  if (test.operator === '$nin') return [{ ...test, operator: '$in' }];
  return [];
}

function compileElement(test: Extract<Test, { operator: '$elemMatch' }>): (element: RawValue) => boolean {
  if (test.filter) {
    const matches = compileFilter(test.filter);
    return (element) => (isObject(element) || isArray(element)) && matches(element);
  }
  const tests = (test.tests ?? []).map((inner) => compileValue(inner));
  return (element) => tests.every((passes) => passes(element));
}

/** The test of a single value, as $elemMatch and $pull apply it to array elements. */
export function compileValue(test: Test): ValueTest {
  switch (test.operator) {
    case '$eq':
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return compileComparison(test.operator, test.value);
    case '$in':
      return compileIn(test);
    case '$ne':
    case '$nin':
    case '$not': {
      const positive = positives(test).map((inner) => compileValue(inner));
      return (value) => !positive.every((passes) => passes(value));
    }
    case '$all': {
      const tests = test.tests.map((inner) => compileValue(inner));
      return (value) => tests.length > 0 && tests.every((passes) => passes(value));
    }
    case '$exists':
      return (value) => (value !== undefined) === test.wanted;
    case '$type':
      return (value) => value !== undefined && test.types.has(value.type);
    case '$regex':
      return compileRegex(test.pattern, test.source);
    case '$mod':
      return (value) => passesMod(value, test.divisor, test.remainder);
    case '$size':
      return (value) => isArray(value) && valuesOf(value).length === test.size;
    case '$elemMatch': {
      const matches = compileElement(test);
      return (value) => isArray(value) && valuesOf(value).some(matches);
    }
  }
}

function compileComparison(operator: '$eq' | '$gt' | '$gte' | '$lt' | '$lte', operand: RawValue): ValueTest {
  if (operator === '$eq') return (value) => equalValues(value, operand);
  const rank = rankOf(operand);
  const anyRank = rank === RANK.minKey || rank === RANK.maxKey;
  const inclusive = operator === '$gte' || operator === '$lte';
  const sign = operator === '$gt' || operator === '$gte' ? 1 : -1;
  const isNaNOperand = isNumber(operand) && Number.isNaN(numberOf(operand));
  return (value) => {
    if (!anyRank && rankOf(value) !== rank) return false;
    if (rank === RANK.number && value && (isNaNOperand || Number.isNaN(numberOf(value)))) {
      return inclusive && isNaNOperand && Number.isNaN(numberOf(value));
    }
    const order = compareValues(value, operand);
    return order === 0 ? inclusive : Math.sign(order) === sign;
  };
}

/** Membership by key: a set look-up however long the list is. */
function compileIn(test: Extract<Test, { operator: '$in' | '$nin' }>): ValueTest {
  const keys = new Set(test.values.map((value) => valueKey(value).toString('latin1')));
  return (value) =>
    keys.has(valueKey(value).toString('latin1')) ||
    (value?.type === TYPE.string && test.patterns.some((pattern) => pattern.test(textOf(value))));
}

function compileRegex(pattern: RegExp, source: RawValue): ValueTest {
  return (value) => {
    if (value?.type === TYPE.string || value?.type === TYPE.symbol) return pattern.test(textOf(value));
    if (value?.type !== TYPE.regex || source.type !== TYPE.regex) return false;
    return partsOf(value).join('/') === partsOf(source).join('/');
  };
}

function passesMod(value: RawValue | undefined, divisor: number, remainder: number): boolean {
  if (!value || !isNumber(value)) return false;
  if (value.type === TYPE.long) {
    return value.bytes.readBigInt64LE(value.start) % BigInt(divisor) === BigInt(remainder);
  }
  const number = Math.trunc(numberOf(value));
  return Number.isFinite(number) && number % divisor === remainder;
}
