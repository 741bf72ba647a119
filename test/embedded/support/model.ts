/** What MongoDB's documentation says, for a few operators, as plainly as possible and without the engine's code. */
export type Value = null | number | string | boolean | Date | Value[] | { [name: string]: Value };
export type Row = { _id: number } & { [name: string]: Value };
export type Query = { [name: string]: unknown };

const isList = (value: unknown): value is Value[] => Array.isArray(value);
const isDocument = (value: unknown): value is { [name: string]: Value } =>
  typeof value === 'object' && value !== null && !isList(value) && !(value instanceof Date);

function rank(value: Value | undefined): number {
  if (value === null || value === undefined) return 1;
  if (typeof value === 'number') return 2;
  if (typeof value === 'string') return 3;
  if (value instanceof Date) return 7;
  if (isList(value)) return 5;
  return typeof value === 'boolean' ? 6 : 4;
}

export function compare(left: Value | undefined, right: Value | undefined): number {
  if (rank(left) !== rank(right)) return rank(left) - rank(right);
  if (isList(left) && isList(right)) {
    for (let at = 0; at < Math.min(left.length, right.length); at++) {
      const order = compare(left[at], right[at]);
      if (order !== 0) return order;
    }
    return left.length - right.length;
  }
  if (isDocument(left) && isDocument(right)) return compareDocuments(left, right);
  if (left instanceof Date && right instanceof Date) return left.getTime() - right.getTime();
  if (left === null || left === undefined || right === null || right === undefined) return 0;
  return left < right ? -1 : left > right ? 1 : 0;
}

function compareDocuments(left: { [name: string]: Value }, right: { [name: string]: Value }): number {
  const [a, b] = [Object.entries(left), Object.entries(right)];
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const [[leftName, leftValue] = ['', null], [rightName, rightValue] = ['', null]] = [a[at], b[at]];
    if (rank(leftValue) !== rank(rightValue)) return rank(leftValue) - rank(rightValue);
    if (leftName !== rightName) return leftName < rightName ? -1 : 1;
    const order = compare(leftValue, rightValue);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** The values a condition on a field is tried on: elements of an array, then the array itself. */
function candidates(row: { [name: string]: Value }, name: string): (Value | undefined)[] {
  const value = row[name];
  return isList(value) ? [...value, value] : [value];
}

type Test = (value: Value | undefined, operand: never) => boolean;
const sameKind = (value: Value | undefined, operand: Value): boolean => rank(value) === rank(operand);
const TESTS: { [operator: string]: Test } = {
  $eq: (value, operand: Value) => compare(value, operand) === 0,
  $gt: (value, operand: Value) => sameKind(value, operand) && compare(value, operand) > 0,
  $gte: (value, operand: Value) => sameKind(value, operand) && compare(value, operand) >= 0,
  $lt: (value, operand: Value) => sameKind(value, operand) && compare(value, operand) < 0,
  $lte: (value, operand: Value) => sameKind(value, operand) && compare(value, operand) <= 0,
  $in: (value, operand: Value[]) => operand.some((item) => compare(value, item) === 0),
};

function meets(values: (Value | undefined)[], operator: string, operand: unknown): boolean {
  if (operator === '$ne') return !meets(values, '$eq', operand);
  if (operator === '$nin') return !meets(values, '$in', operand);
  if (operator === '$exists') return values.some((value) => value !== undefined) === operand;
  return values.some((value) => TESTS[operator]?.(value, operand as never) ?? false);
}

const isConditions = (value: unknown): value is object =>
  Object.keys(Object(value)).some((name) => name.startsWith('$'));

export function matches(row: Row, query: Query): boolean {
  return Object.entries(query).every(([name, condition]) => {
    const branches = (): Query[] => (Array.isArray(condition) ? condition : []);
    if (name === '$and') return branches().every((branch) => matches(row, branch));
    if (name === '$or') return branches().some((branch) => matches(row, branch));
    if (!isConditions(condition)) return meets(candidates(row, name), '$eq', condition);
    return Object.entries(condition).every(([operator, operand]) =>
      meets(candidates(row, name), operator, operand),
    );
  });
}

export function sorted(rows: Row[], order: [name: string, direction: 1 | -1][]): Row[] {
  return rows.toSorted((left, right) => {
    const differences = order.map(([name, direction]) => direction * compare(left[name], right[name]));
    return differences.find((difference) => difference !== 0) ?? 0;
  });
}

/** What $push keeps, of the last. */
export const MODEL_SLICE = 3;

/** The row after an update with one operator on one field; rows are never changed in place. */
export function updated(row: Row, operator: string, name: string, operand: Value): Row {
  const before = row[name];
  const list = isList(before) ? before : [];
  const set = (value: Value): Row => ({ ...row, [name]: value });
  switch (operator) {
    case '$set':
      return set(operand);
    case '$unset':
      return Object.fromEntries(Object.entries(row).filter(([key]) => key !== name)) as Row;
    case '$inc':
      return set((typeof before === 'number' ? before : 0) + Number(operand));
    case '$max':
      return before === undefined || compare(operand, before) > 0 ? set(operand) : row;
    case '$push':
      return set([...list, ...(isList(operand) ? operand : [])].slice(-MODEL_SLICE));
    case '$pullAll':
      return before === undefined
        ? row
        : set(
            list.filter((item) => !(isList(operand) ? operand : []).some((one) => compare(item, one) === 0)),
          );
    default:
      throw new Error(`the model has no ${operator}`);
  }
}
