import { documentOf, rawOf } from '../bson-writer.ts';
import { CommandError } from '../errors.ts';
import { type Projection, compileProjection } from '../projection.ts';
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
} from '../raw-bson.ts';
import { closeSlot, openDocument, placesOf, writePlace } from '../update-tree.ts';
import { type Expression, compileExpression } from './expression.ts';

interface Computed {
  readonly path: readonly string[];
  readonly expression: Expression;
}

/** A $project: fields kept or dropped, and computed ones. Throws as find's projection, and 40177 if it is empty. */
export function compileProject(spec: RawValue): Projection {
  const fields = isObject(spec) ? fieldsOf(spec) : [];
  if (fields.length === 0)
    throw new CommandError(51272, 'Invalid $project: an object with at least one field is needed');
  const computed: Computed[] = [];
  const plain = fields.flatMap((field) => separate(field, [], computed));
  if (computed.length === 0) return compileProjection(documentOf(plain)) ?? ((document) => document);
  const excluded = plain.find(([name, value]) => name !== '_id' && !isIncluded(value));
  if (excluded)
    throw new CommandError(31254, `Cannot do exclusion on field ${excluded[0]} in inclusion projection`);
  const idOnly: RawField[] = [['_id', rawOf(1)]];
  const base = compileProjection(documentOf(plain.length > 0 ? plain : idOnly));
  const dropsAll =
    plain.length > 0 && plain.every(([name]) => name === '_id') && !plain.some(([, v]) => isIncluded(v));
  return (document) => withComputed(dropsAll || !base ? documentOf([]) : base(document), document, computed);
}

/** An $addFields or $set. */
export function compileAddFields(spec: RawValue): Projection {
  if (!isObject(spec) || fieldsOf(spec).length === 0) {
    throw new CommandError(40272, '$addFields specification stage must be an object with at least one field');
  }
  const computed = fieldsOf(spec).map(([name, value]) => ({
    path: checkedPath(name),
    expression: compileExpression(value),
  }));
  return (document) => withComputed(document, document, computed);
}

/** An $unset: a field name or a list of them. */
export function compileUnset(spec: RawValue): Projection {
  const names = isArray(spec) ? valuesOf(spec) : [spec];
  if (names.length === 0 || names.some(({ type }) => type !== TYPE.string)) {
    throw new CommandError(31120, '$unset specification must be a string or an array of strings');
  }
  const dropped = names.map((name): RawField => [textOf(name), rawOf(0)]);
  return compileProjection(documentOf(dropped)) ?? ((document) => document);
}

function isIncluded(value: RawValue): boolean {
  return !(isNumber(value) || value.type === TYPE.bool) || compileProjectionFlag(value);
}

function compileProjectionFlag(value: RawValue): boolean {
  return value.bytes.subarray(value.start, value.end).some((byte) => byte !== 0);
}

/** The fields that only keep or drop; expressions go to `computed`. */
function separate([name, value]: RawField, above: readonly string[], computed: Computed[]): RawField[] {
  const path = [...above, ...checkedPath(name)];
  if (isNumber(value) || value.type === TYPE.bool) return [[path.join('.'), value]];
  const inner = isObject(value) ? fieldsOf(value) : [];
  if (inner.length > 0 && !inner[0]?.[0].startsWith('$')) {
    return inner.flatMap((field) => separate(field, path, computed));
  }
  computed.push({ path, expression: compileExpression(value) });
  return [];
}

function checkedPath(name: string): string[] {
  const path = name.split('.');
  if (path.includes('')) throw new CommandError(40353, 'FieldPath must not be empty or have empty parts');
  if (path.some((part) => part.startsWith('$'))) {
    throw new CommandError(16410, `FieldPath field names may not start with '$': ${name}`);
  }
  return path;
}

function withComputed(base: RawValue, document: RawValue, computed: readonly Computed[]): RawValue {
  const root = openDocument(base);
  for (const { path, expression } of computed) {
    const value = expression(document);
    if (!value) continue;
    for (const place of placesOf(root, path, true)) writePlace(place, value);
  }
  return closeSlot(root);
}
