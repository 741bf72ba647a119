import { calculate, zeroLike } from './arithmetic.ts';
import { rawOf } from './bson-writer.ts';
import { compareValues } from './compare.ts';
import { failedToParse, typeMismatch, unsupported } from './errors.ts';
import { isTruthy } from './filter-tests.ts';
import { type RawValue, TYPE, fieldsOf, isNumber, isObject, textOf } from './raw-bson.ts';

/** The value an operator leaves in a field (undefined: none before); undefined to leave the field as it is. */
export type FieldOperator = (before: RawValue | undefined) => RawValue | undefined;

/**
 * The operators that make a field's new value from its old one.
 * @throws CommandError 9, 14 for operands of the wrong kind
 */
export function fieldOperator(operator: string, operand: RawValue, path: string): FieldOperator | undefined {
  switch (operator) {
    case '$set':
    case '$setOnInsert':
      return () => operand;
    case '$inc':
      return arithmetic('$inc', 'increment', operand, path);
    case '$mul':
      return arithmetic('$mul', 'multiply', operand, path);
    case '$min':
      return (before) => (!before || compareValues(operand, before) < 0 ? operand : undefined);
    case '$max':
      return (before) => (!before || compareValues(operand, before) > 0 ? operand : undefined);
    case '$currentDate':
      return currentDate(operand, path);
    default:
      return undefined;
  }
}

function arithmetic(operator: '$inc' | '$mul', verb: string, operand: RawValue, path: string): FieldOperator {
  if (!isNumber(operand)) throw typeMismatch(`Cannot ${verb} with non-numeric argument: {${path}}`);
  return (before) => {
    if (!before) return operator === '$inc' ? operand : zeroLike(operand);
    if (!isNumber(before)) {
      throw typeMismatch(
        `Cannot apply ${operator} to a value of non-numeric type. The document has the field '${path}' of another type`,
      );
    }
    return calculate(before, operand, operator === '$inc' ? 'add' : 'multiply');
  };
}

function currentDate(operand: RawValue, path: string): FieldOperator {
  if (isObject(operand)) {
    const [[name, type] = ['', operand], more] = fieldsOf(operand);
    if (name !== '$type' || more || type.type !== TYPE.string) {
      throw failedToParse(`$currentDate needs true or {$type: 'date'} for '${path}'`);
    }
    if (textOf(type) !== 'date') throw unsupported(2, `$currentDate with type '${textOf(type)}'`);
  } else if (operand.type !== TYPE.bool) {
    throw failedToParse(`$currentDate needs true or {$type: 'date'} for '${path}'`);
  } else {
    isTruthy(operand);
  }
  return () => rawOf(new Date());
}
