import { ObjectId } from 'bson';
import { documentOf, rawOf } from './bson-writer.ts';
import { conjuncts } from './bounds.ts';
import { identicalValues } from './compare.ts';
import { CommandError, badValue } from './errors.ts';
import type { GroupFilter } from './query-tree.ts';
import { matchedIndex } from './positional.ts';
import { type RawValue, TYPE, documentBytes, documentValue, fieldOf, fieldsOf, isArray } from './raw-bson.ts';
import { type FieldOperator, fieldOperator } from './update-fields.ts';
import { arrayOperator, onField } from './update-arrays.ts';
import type { Modification, Update } from './update-parse.ts';
import {
  ObjectNode,
  clearPlace,
  closeSlot,
  openDocument,
  placesOf,
  readPlace,
  writePlace,
} from './update-tree.ts';

export const ID_NAME = Buffer.from('_id');
/** Where the value of an _id that is the first field starts: after a length, a type, and the name with its 0. */
const FIRST_ID_START = 4 + 1 + 4;

/**
 * The document after an update; the same bytes if it changes nothing.
 * @param filter - tells which array element `$` means
 * @throws CommandError 66 if _id would change, and the operators' errors
 */
export function updatedDocument(document: RawValue, update: Update, filter: GroupFilter): Buffer {
  const id = fieldOf(document, ID_NAME);
  if (update.kind === 'replace') return replaced(update.document, id);
  const root = openDocument(document);
  let changed = false;
  for (const modification of update.modifications) {
    if (modification.operator === '$setOnInsert') continue;
    const path = resolvePositional(modification, document, filter);
    changed = modify(root, { ...modification, path }) || changed;
  }
  if (!changed) return documentBytes(document);
  const result = closeSlot(root);
  const newId = fieldOf(result, ID_NAME);
  if (id && (!newId || !identicalValues(id, newId))) throw immutableId();
  return documentBytes(result);
}

/**
 * The document an upsert inserts: the filter's equalities, then the update, with an _id at the front.
 * @throws CommandError 54 if the filter names a field twice
 */
export function upsertedDocument(update: Update, filter: GroupFilter): Buffer {
  const root = new ObjectNode([]);
  for (const [path, value] of equalities(filter)) {
    if (update.kind === 'replace' && path !== '_id') continue;
    for (const place of placesOf(root, path.split('.'), true)) {
      if (readPlace(place))
        throw new CommandError(54, `cannot infer query fields to set, path '${path}' is matched twice`);
      writePlace(place, value);
    }
  }
  const fromQuery = closeSlot(root);
  const id = fieldOf(fromQuery, ID_NAME);
  if (update.kind === 'replace') return withId(documentBytes(replacedValue(update.document, id)));
  for (const modification of update.modifications) {
    if (modification.path.includes('$')) throw noPositionalMatch();
    modify(root, modification);
  }
  const result = closeSlot(root);
  const newId = fieldOf(result, ID_NAME);
  if (id && (!newId || !identicalValues(id, newId))) throw immutableId();
  return withId(documentBytes(result));
}

/**
 * The document with an _id as its first field; a new ObjectId if it has none.
 * @throws CommandError 2 or 53 for an _id that cannot be one
 */
export function withId(document: Buffer): Buffer {
  const value = documentValue(document);
  const id = fieldOf(value, ID_NAME);
  if (id) checkId(id);
  if (id?.start === FIRST_ID_START) return document;
  const rest = fieldsOf(value).filter(([name]) => name !== '_id');
  return documentBytes(documentOf([['_id', id ?? rawOf(new ObjectId())], ...rest]));
}

function checkId(id: RawValue): void {
  if (isArray(id)) throw new CommandError(53, "The '_id' value cannot be of type array");
  if (id.type === TYPE.undefined) throw new CommandError(53, "The '_id' value cannot be of type undefined");
  if (id.type === TYPE.regex) throw new CommandError(53, "The '_id' value cannot be of type regex");
  if (id.type === TYPE.object && fieldsOf(id).some(([name]) => name.startsWith('$'))) {
    throw new CommandError(52, "_id fields may not contain '$'-prefixed fields");
  }
}

function replaced(replacement: RawValue, id: RawValue | undefined): Buffer {
  return withId(documentBytes(replacedValue(replacement, id)));
}

/** The replacement with the _id of the document it replaces, which must be its own if it has one. */
function replacedValue(replacement: RawValue, id: RawValue | undefined): RawValue {
  const own = fieldOf(replacement, ID_NAME);
  if (!id) return replacement;
  if (own && !identicalValues(own, id)) {
    throw new CommandError(
      66,
      "After applying the update, the (immutable) field '_id' was found to have been altered to another value",
    );
  }
  return documentOf([['_id', id], ...fieldsOf(replacement).filter(([name]) => name !== '_id')]);
}

/** Applies one operator; returns whether anything changed. */
function modify(root: ObjectNode, { operator, path, operand }: Modification): boolean {
  const text = path.join('.');
  if (operator === '$unset') {
    const places = placesOf(root, path, false).filter(readPlace);
    for (const place of places) clearPlace(place);
    return places.length > 0;
  }
  const array = arrayOperator(operator, operand);
  const apply: FieldOperator | undefined = array
    ? onField(operator, array, text)
    : fieldOperator(operator, operand, text);
  if (!apply) throw badValue(`unknown update operator ${operator}`);
  let changed = false;
  for (const place of placesOf(root, path, array?.creates ?? true)) {
    const before = readPlace(place);
    const after = apply(before);
    if (!after || (before && identicalValues(before, after))) continue;
    writePlace(place, after);
    changed = true;
  }
  return changed;
}

function resolvePositional(
  { path }: Modification,
  document: RawValue,
  filter: GroupFilter,
): readonly string[] {
  const at = path.indexOf('$');
  if (at < 0) return path;
  const index = matchedIndex(document, path.slice(0, at), filter);
  if (index === undefined) throw noPositionalMatch();
  return path.with(at, String(index));
}

/** Paths that every matching document has with a known value. */
function equalities(filter: GroupFilter): [path: string, value: RawValue][] {
  return conjuncts(filter).flatMap((condition): [string, RawValue][] => {
    if (condition.kind === '$or' && condition.filters.length === 1) {
      return equalities({ kind: '$and', filters: condition.filters });
    }
    if (condition.kind !== 'field') return [];
    const { test, path } = condition;
    if (test.operator === '$eq') return [[path.text, test.value]];
    const [only, ...more] = test.operator === '$in' && test.patterns.length === 0 ? test.values : [];
    return only && more.length === 0 ? [[path.text, only]] : [];
  });
}

function immutableId(): CommandError {
  return new CommandError(
    66,
    "Performing an update on the path '_id' would modify the immutable field '_id'",
  );
}

function noPositionalMatch(): CommandError {
  return badValue('The positional operator did not find the match needed from the query.');
}
