import { badValue, unsupported } from './errors.ts';
import { FIELD_OPERATORS, parseTest } from './filter-tests.ts';
import { pathOf } from './paths.ts';
import type { FieldFilter, Filter, GroupFilter, Test } from './query-tree.ts';
import { MAX_DEPTH, type RawField, type RawValue, TYPE, fieldsOf, isArray, isObject } from './raw-bson.ts';

/**
 * Parses a query document.
 * @throws CommandError 2 for unknown or malformed operators, with MongoDB's messages
 */
export function parseFilter(query: RawValue, depth = 0): GroupFilter {
  if (depth > MAX_DEPTH) throw badValue('exceeded maximum query tree depth');
  return { kind: '$and', filters: fieldsOf(query).flatMap((field) => parseField(field, depth)) };
}

function parseField([name, value]: RawField, depth: number): Filter[] {
  if (!name.startsWith('$')) return parseTests(value, depth).map((test) => fieldFilter(name, test));
  switch (name) {
    case '$and':
    case '$or':
    case '$nor':
      return [{ kind: name, filters: parseList(name, value, depth) }];
    case '$comment':
      return [];
    case '$expr':
    case '$where':
    case '$text':
    case '$jsonSchema':
    case '$alwaysTrue':
    case '$alwaysFalse':
    case '$sampleRate':
      throw unsupported(2, `the query operator ${name}`);
    default:
      throw badValue(
        `unknown top level operator: ${name}. If you have a field name that starts with a '$' symbol, consider using $getField or $setField.`,
      );
  }
}

function fieldFilter(name: string, test: Test): FieldFilter {
  return { kind: 'field', path: pathOf(name), test };
}

function parseList(name: string, value: RawValue, depth: number): Filter[] {
  if (!isArray(value)) throw badValue(`${name} must be an array`);
  const items = fieldsOf(value).map(([, item]) => item);
  if (items.length === 0) throw badValue(`${name} argument must be a non-empty array`);
  return items.map((item) => {
    if (!isObject(item)) throw badValue('$or/$and/$nor entries need to be full objects');
    return parseFilter(item, depth + 1);
  });
}

/** The tests a field's condition stands for: `{$gt: 1, $lt: 5}` is two, a plain value one equality. */
export function parseTests(condition: RawValue, depth: number): Test[] {
  const operators = operatorsOf(condition);
  if (!operators) {
    if (condition.type === TYPE.regex) return [parseTest('$regex', condition, [], depth, nested)];
    return [parseTest('$eq', condition, [], depth, nested)];
  }
  const tests: Test[] = [];
  for (const [name, operand] of operators) {
    if (name === '$options') {
      if (!operators.some(([other]) => other === '$regex')) throw badValue('$options needs a $regex');
    } else {
      tests.push(parseTest(name, operand, operators, depth, nested));
    }
  }
  return tests;
}

/** The operators of a condition like `{$gt: 1}`; undefined for a value, which may be a DBRef. */
function operatorsOf(condition: RawValue): RawField[] | undefined {
  if (!isObject(condition)) return undefined;
  const fields = fieldsOf(condition);
  const first = fields[0]?.[0];
  if (first === undefined || !first.startsWith('$')) return undefined;
  if (first === '$ref' || first === '$id' || first === '$db') return undefined;
  return fields;
}

/** What operators with queries inside ($not, $elemMatch, $all) need from this module. */
const nested = {
  tests: parseTests,
  filter: parseFilter,
  isOperators(value: RawValue): boolean {
    const first = operatorsOf(value)?.[0]?.[0];
    return first !== undefined && FIELD_OPERATORS.has(first);
  },
};
