import { numberOf } from './number-order.ts';
import type { FieldFilter, Filter, GroupFilter, Test } from './filter.ts';
import { type RawValue, TYPE, fieldOf, isArray, isNumber, textOf, valuesOf } from './raw-bson.ts';
import { RANK, rankOf, valueKey } from './value-key.ts';

/** Tests one value. Undefined stands for a missing field. */
type ValueTest = (value: RawValue | undefined) => boolean;
type Predicate = (document: RawValue) => boolean;

/** Compiles a parsed query to a predicate on stored documents. */
export function compileFilter({ kind, filters }: GroupFilter): Predicate {
  const predicates = filters.map(compileAny);
  return kind === '$and'
    ? (document) => predicates.every((matches) => matches(document))
    : (document) => predicates.some((matches) => matches(document));
}

function compileAny(filter: Filter): Predicate {
  return filter.kind === 'field' ? compileField(filter) : compileFilter(filter);
}

/** Compiles a test of one field. As in MongoDB, an array passes if it or one of its elements passes. */
function compileField({ field, test }: FieldFilter): Predicate {
  if (test.operator === '$exists') {
    return (document) => (fieldOf(document, field.bytes) !== undefined) === test.wanted;
  }
  const isNegated = test.operator === '$ne' || test.operator === '$nin';
  const passes = compileValue(test);
  return (document) => {
    const value = fieldOf(document, field.bytes);
    return (passes(value) || (isArray(value) && valuesOf(value).some(passes))) !== isNegated;
  };
}

/** Compiles the test of a single value. Compiles $ne as $eq and $nin as $in; compileField() negates the result. */
function compileValue(test: Exclude<Test, { operator: '$exists' }>): ValueTest {
  switch (test.operator) {
    case '$eq':
    case '$ne': {
      const key = valueKey(test.value);
      return (value) => valueKey(value).equals(key);
    }
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return compileComparison(test.operator, test.value);
    case '$in':
    case '$nin': {
      const keys = new Set(test.values.map((value) => valueKey(value).toString('latin1')));
      return (value) => keys.has(valueKey(value).toString('latin1'));
    }
    case '$regex':
      return (value) => value?.type === TYPE.string && test.pattern.test(textOf(value));
  }
}

function compileComparison(operator: '$gt' | '$gte' | '$lt' | '$lte', operand: RawValue): ValueTest {
  const rank = rankOf(operand);
  const key = valueKey(operand);
  const inclusive = operator === '$gte' || operator === '$lte';
  const sign = operator === '$gt' || operator === '$gte' ? 1 : -1;
  const isNaNOperand = isNumber(operand) && Number.isNaN(numberOf(operand));
  return (value) => {
    if (rankOf(value) !== rank) return false;
    if (rank === RANK.number && value && (isNaNOperand || Number.isNaN(numberOf(value)))) {
      return inclusive && isNaNOperand && Number.isNaN(numberOf(value));
    }
    const order = Buffer.compare(valueKey(value), key);
    return order === 0 ? inclusive : order === sign;
  };
}
