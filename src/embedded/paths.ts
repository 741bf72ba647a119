import { type RawValue, fieldOf, isArray, isObject, valuesOf } from './raw-bson.ts';

/** A dotted path, split and encoded once: `a.b` is two parts. */
export interface Path {
  readonly text: string;
  readonly parts: readonly Buffer[];
}

/** Splits a dotted path. */
export function pathOf(text: string): Path {
  return { text, parts: text.split('.').map((part) => Buffer.from(part)) };
}

/** Called with each value at a path (undefined: nothing there); returning true ends the walk. */
export type Visitor = (value: RawValue | undefined) => boolean;

/**
 * Visits what a query on `path` sees, as MongoDB does: arrays on the way stand for each of their documents and, where
 * the next part is a number, for that element; an array at the end for its elements (unless `whole`) and then itself.
 * @returns true if the visitor ended the walk
 */
export function visitPath(document: RawValue, path: Path, whole: boolean, visit: Visitor): boolean {
  return walk(document, path.parts, 0, whole, visit);
}

function walk(
  container: RawValue,
  parts: readonly Buffer[],
  at: number,
  whole: boolean,
  visit: Visitor,
): boolean {
  const part = parts[at];
  const value = part && fieldOf(container, part);
  if (at === parts.length - 1) return visitEnd(value, whole, visit);
  if (isObject(value)) return walk(value, parts, at + 1, whole, visit);
  if (isArray(value)) return walkArray(value, parts, at + 1, whole, visit);
  return visit(undefined);
}

function visitEnd(value: RawValue | undefined, whole: boolean, visit: Visitor): boolean {
  if (!whole && isArray(value)) {
    for (const item of valuesOf(value)) if (visit(item)) return true;
  }
  return visit(value);
}

/** `at` is the part after the array's own name. */
function walkArray(
  array: RawValue,
  parts: readonly Buffer[],
  at: number,
  whole: boolean,
  visit: Visitor,
): boolean {
  const index = arrayIndex(parts[at]);
  for (const [position, item] of valuesOf(array).entries()) {
    if (isObject(item) && walk(item, parts, at, whole, visit)) return true;
    if (position !== index) continue;
    if (at === parts.length - 1) {
      if (visit(item)) return true;
    } else if ((isObject(item) || isArray(item)) && walk(item, parts, at + 1, whole, visit)) {
      return true;
    }
  }
  return false;
}

/** The array index a path part names, or -1: digits without leading zeros, as in MongoDB. */
export function arrayIndex(part: Buffer | undefined): number {
  const text = part?.toString() ?? '';
  return /^(0|[1-9]\d{0,8})$/.test(text) ? Number(text) : -1;
}

/** The value reached through objects only, without looking into arrays; for paths that must be plain, such as _id. */
export function plainValue(document: RawValue, path: Path): RawValue | undefined {
  let value: RawValue | undefined = document;
  for (const part of path.parts) {
    if (!isObject(value)) return undefined;
    value = fieldOf(value, part);
  }
  return value;
}
