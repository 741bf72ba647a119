import { CommandError, unsupported } from './errors.ts';
import { parseFieldName } from './field-name.ts';
import { type RawValue, TYPE, fieldsOf, isNumber, isTruthy, pickFields } from './raw-bson.ts';

/** Reduces a document to the projected fields. */
export interface Projection {
  (document: RawValue): RawValue;
  /** The names of the fields to include; undefined if the projection excludes fields. */
  readonly fields?: readonly string[];
}

/**
 * Compiles a find projection, which lists the fields either to include or to exclude.
 * @throws CommandError 31254 if it does both, 2 for any other kind of projection
 */
export function compileProjection(spec: RawValue | undefined): Projection | undefined {
  const kept = new Set<string>();
  const dropped = new Set<string>();
  for (const [name, value] of spec ? fieldsOf(spec) : []) {
    parseFieldName(name, 'a projection');
    if (!isNumber(value) && value.type !== TYPE.bool) throw unsupported(`a computed projection of '${name}'`);
    (isTruthy(value) ? kept : dropped).add(name);
  }
  if (kept.size + dropped.size === 0) return undefined;
  const isIncluding = kept.size > (kept.has('_id') && dropped.size > 0 ? 1 : 0);
  if (isIncluding && !dropped.has('_id')) kept.add('_id');
  (isIncluding ? dropped : kept).delete('_id');
  if (kept.size > 0 && dropped.size > 0) {
    throw new CommandError(31254, 'A projection must list fields to include or fields to exclude, not both');
  }
  const names: Buffer[][] = [];
  for (const name of isIncluding ? kept : dropped) {
    const bytes = Buffer.from(name);
    (names[bytes.length] ??= []).push(bytes);
  }
  const project = (document: RawValue): RawValue => pickFields(document, names, isIncluding);
  return isIncluding ? Object.assign(project, { fields: [...kept] }) : project;
}
