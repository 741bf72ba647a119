import { Double, Int32, Long, ObjectId } from 'bson';
import { conjuncts } from './bounds.ts';
import { arrayOf, documentOf, rawOf } from './bson-writer.ts';
import { CommandError, badValue, failedToParse, typeMismatch, unsupported } from './errors.ts';
import { parseFieldName } from './field-name.ts';
import { numberOf } from './number-order.ts';
import type { GroupFilter } from './filter.ts';
import {
  type RawField,
  type RawValue,
  TYPE,
  documentBytes,
  documentValue,
  fieldOf,
  fieldsOf,
  identicalValues,
  isArray,
  isNumber,
  isObject,
  valuesOf,
} from './raw-bson.ts';
import { type NameIn, supported } from './supported.ts';
import { compareValues } from './value-key.ts';

/** Computes a field's new value. Undefined stands for a missing field. */
type Change = (before: RawValue | undefined) => RawValue | undefined;

/** The change of one field by one update operator. */
interface Modification {
  readonly name: string;
  readonly change: Change;
  /** Whether the change applies only to a document that an upsert inserts ($setOnInsert). */
  readonly onInsert: boolean;
}

export type Update =
  | { readonly kind: 'replace'; readonly document: RawValue }
  | { readonly kind: 'modify'; readonly modifications: readonly Modification[] };

export const ID_NAME = Buffer.from('_id');
/** Offset of the value of _id if it is the first field: after the length, the type, and the name with its NUL. */
const FIRST_ID_START = 4 + 1 + 4;

/** Creates an operator's change from operand and field name. Throws CommandError 2 or 14 for an invalid operand. */
const CHANGES: Readonly<Record<NameIn<'update operators'>, (operand: RawValue, name: string) => Change>> = {
  $set: (operand) => () => operand,
  $setOnInsert: (operand) => () => operand,
  $unset: () => () => undefined,
  $inc: increment,
  $max: (operand) => (before) => (before && compareValues(operand, before) <= 0 ? before : operand),
  $push: push,
  $pullAll: (operand, name) => {
    if (!isArray(operand)) throw badValue('$pullAll requires an array argument');
    const unwanted = valuesOf(operand);
    return (before) =>
      before &&
      arrayOf(
        itemsOf(before, name).filter((item) => !unwanted.some((value) => compareValues(item, value) === 0)),
      );
  },
};

/**
 * Parses an update: a replacement document, or update operators on different fields.
 * @throws CommandError 40 if operators name a field twice; 2, 9 or 14 if the update is otherwise invalid
 */
export function parseUpdate(value: RawValue): Update {
  if (!isObject(value))
    throw failedToParse('the embedded engine supports update documents only, not pipelines');
  const fields = fieldsOf(value);
  if (!fields[0]?.[0].startsWith('$')) return { kind: 'replace', document: value };
  const modifications = fields.flatMap(parseOperator);
  const names = modifications.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) {
    throw new CommandError(40, `Updating the path '${twice}' would create a conflict at '${twice}'`);
  }
  // As in MongoDB, new fields are sorted by name.
  const ordered = modifications.toSorted((one, other) =>
    Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)),
  );
  return { kind: 'modify', modifications: ordered };
}

function parseOperator([operator, operand]: RawField): Modification[] {
  const known = supported('update operators', operator, 9);
  if (!isObject(operand)) {
    throw failedToParse(`Modifiers operate on fields but we found another type instead, in ${operator}`);
  }
  return fieldsOf(operand).map(([name, value]) => {
    parseFieldName(name, operator);
    return { name, change: CHANGES[known](value, name), onInsert: known === '$setOnInsert' };
  });
}

/**
 * Returns the document after an update; the same bytes if no field changes.
 * @throws CommandError 66 if _id would change; 2 or 14 if an operator cannot change a field's value
 */
export function updatedDocument(document: RawValue, update: Update): Buffer {
  const id = fieldOf(document, ID_NAME);
  if (update.kind === 'replace') return withId(documentBytes(replaced(update.document, id)));
  const fields = modified(
    fieldsOf(document),
    update.modifications.filter(({ onInsert }) => !onInsert),
  );
  return fields ? documentBytes(keepingId(fields, id)) : documentBytes(document);
}

/**
 * Returns the document that an upsert inserts: the values that the filter requires, changed by the update, _id first.
 * @throws CommandError 54 if the filter names a field twice
 */
export function upsertedDocument(update: Update, filter: GroupFilter): Buffer {
  const fields = conjuncts(filter).flatMap((condition): RawField[] =>
    condition.kind === 'field' && condition.test.operator === '$eq'
      ? [[condition.field.text, condition.test.value]]
      : [],
  );
  const names = fields.map(([name]) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined && update.kind === 'modify') {
    throw new CommandError(54, `cannot infer query fields to set, path '${twice}' is matched twice`);
  }
  const id = fields.find(([name]) => name === '_id')?.[1];
  if (update.kind === 'replace') return withId(documentBytes(replaced(update.document, id)));
  return withId(documentBytes(keepingId(modified(fields, update.modifications) ?? fields, id)));
}

/** Returns the fields after the modifications; undefined if no field changes. */
function modified(
  before: readonly RawField[],
  modifications: readonly Modification[],
): RawField[] | undefined {
  const fields = [...before];
  let changed = false;
  for (const { name, change } of modifications) {
    const at = fields.findIndex(([known]) => known === name);
    const old = fields[at]?.[1];
    const value = change(old);
    if (value === old || (value && old && identicalValues(value, old))) continue;
    changed = true;
    if (!value) fields.splice(at, 1);
    else if (old) fields[at] = [name, value];
    else fields.push([name, value]);
  }
  return changed ? fields : undefined;
}

function keepingId(fields: readonly RawField[], id: RawValue | undefined): RawValue {
  const document = documentOf(fields);
  const newId = fieldOf(document, ID_NAME);
  if (id && !(newId && identicalValues(id, newId))) throw immutableId();
  return document;
}

/** Returns the replacement with the _id `id`. Throws CommandError 66 if the replacement has another _id. */
function replaced(replacement: RawValue, id: RawValue | undefined): RawValue {
  const own = fieldOf(replacement, ID_NAME);
  if (!id) return replacement;
  if (own && !identicalValues(own, id)) throw immutableId();
  return documentOf([['_id', id], ...fieldsOf(replacement).filter(([name]) => name !== '_id')]);
}

function immutableId(): CommandError {
  return new CommandError(66, "the update would alter the immutable field '_id'");
}

/** Returns the document with _id as its first field. If the document has no _id, adds an ObjectId. */
export function withId(document: Buffer): Buffer {
  const value = documentValue(document);
  const id = fieldOf(value, ID_NAME);
  if (id?.start === FIRST_ID_START) return document;
  const rest = fieldsOf(value).filter(([name]) => name !== '_id');
  return documentBytes(documentOf([['_id', id ?? rawOf(new ObjectId())], ...rest]));
}

function increment(operand: RawValue, name: string): Change {
  if (!isNumber(operand)) throw typeMismatch(`Cannot increment with non-numeric argument: {${name}}`);
  return (before) => {
    if (!before) return operand;
    if (!isNumber(before)) {
      throw typeMismatch(`Cannot apply $inc to a value of non-numeric type, which the field '${name}' has`);
    }
    return sum(before, operand);
  };
}

/** Adds as MongoDB does: the sum has the wider of the two types, and becomes Long if it exceeds Int32. */
function sum(left: RawValue, right: RawValue): RawValue {
  const types = new Set([left.type, right.type]);
  if (types.has(TYPE.double)) return rawOf(new Double(numberOf(left) + numberOf(right)));
  const result = integerOf(left) + integerOf(right);
  if (!types.has(TYPE.long) && BigInt.asIntN(32, result) === result) return rawOf(new Int32(Number(result)));
  if (BigInt.asIntN(64, result) === result) return rawOf(Long.fromBigInt(result));
  throw badValue('Failed to apply $inc: the result does not fit a 64-bit integer');
}

function integerOf({ type, bytes, start }: RawValue): bigint {
  return type === TYPE.int ? BigInt(bytes.readInt32LE(start)) : bytes.readBigInt64LE(start);
}

/** $push with $each and an optional $slice, which keeps the first elements, or the last ones if it is negative. */
function push(operand: RawValue, name: string): Change {
  const modifiers = new Map(isObject(operand) ? fieldsOf(operand) : []);
  for (const modifier of modifiers.keys()) supported('$push modifiers', modifier, 2);
  const each = modifiers.get('$each');
  if (!isArray(each)) throw unsupported('$push without a list in $each');
  const added = valuesOf(each);
  const slice = modifiers.get('$slice');
  const limit = slice && (isNumber(slice) ? numberOf(slice) : Number.NaN);
  if (limit !== undefined && !Number.isInteger(limit))
    throw badValue('The value for $slice must be an integer');
  return (before) => {
    const items = [...(before ? itemsOf(before, name) : []), ...added];
    if (limit === undefined) return arrayOf(items);
    return arrayOf(limit < 0 ? items.slice(limit) : items.slice(0, limit));
  };
}

function itemsOf(value: RawValue, name: string): RawValue[] {
  if (!isArray(value)) throw badValue(`The field '${name}' must be an array but is of another type`);
  return valuesOf(value);
}
