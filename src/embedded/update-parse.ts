import { CommandError, badValue, failedToParse, unsupported } from './errors.ts';
import { type RawValue, fieldsOf, isArray, isObject } from './raw-bson.ts';

/** One operator on one path. */
export interface Modification {
  readonly operator: string;
  readonly path: readonly string[];
  readonly operand: RawValue;
}

export type Update =
  | { readonly kind: 'replace'; readonly document: RawValue }
  | { readonly kind: 'modify'; readonly modifications: readonly Modification[] };

export const UPDATE_OPERATORS: ReadonlySet<string> = new Set(
  '$set $setOnInsert $unset $inc $mul $min $max $currentDate $push $addToSet $pop $pull $pullAll'.split(' '),
);
const UNSUPPORTED = new Set(['$rename', '$bit', '$pushAll']);

/**
 * Parses an update: a replacement document or update operators, whose paths must not overlap.
 * @throws CommandError 9, 40, 52, 56 as MongoDB does; pipelines, arrayFilters and `$[name]` are refused
 */
export function parseUpdate(value: RawValue): Update {
  if (isArray(value)) throw unsupported(238, 'an update by an aggregation pipeline');
  if (!isObject(value)) throw failedToParse('Update argument must be either an object or an array');
  const fields = fieldsOf(value);
  if (!fields[0]?.[0].startsWith('$')) {
    const dollar = fields.find(([name]) => name.startsWith('$'));
    if (dollar)
      throw new CommandError(
        52,
        `The dollar ($) prefixed field '${dollar[0]}' is not allowed in a replacement.`,
      );
    return { kind: 'replace', document: value };
  }
  const modifications = fields.flatMap(([operator, operand]) => parseOperator(operator, operand));
  checkConflicts(modifications);
  return { kind: 'modify', modifications: modifications.toSorted(byPath) };
}

function parseOperator(operator: string, operand: RawValue): Modification[] {
  if (UNSUPPORTED.has(operator)) throw unsupported(9, `the update operator ${operator}`);
  if (!UPDATE_OPERATORS.has(operator)) {
    throw failedToParse(
      `Unknown modifier: ${operator}. Expected a valid update modifier or pipeline-style update specified as an array`,
    );
  }
  if (!isObject(operand)) {
    throw failedToParse(`Modifiers operate on fields but we found another type instead, in ${operator}`);
  }
  return fieldsOf(operand).map(([name, value]) => ({ operator, path: parsePath(name), operand: value }));
}

function parsePath(name: string): string[] {
  const path = name.split('.');
  if (name === '') throw new CommandError(56, 'An empty update path is not valid.');
  if (path.includes('')) {
    throw new CommandError(
      56,
      `The update path '${name}' contains an empty field name, which is not allowed.`,
    );
  }
  for (const [at, part] of path.entries()) {
    if (part === '$' || part === '$[]') {
      if (at === 0)
        throw badValue(
          `Cannot have array filter or positional operator in the first position of path '${name}'`,
        );
    } else if (part.startsWith('$[')) {
      throw unsupported(238, `the filtered positional operator in '${name}' (arrayFilters)`);
    } else if (part.startsWith('$')) {
      throw new CommandError(
        52,
        `The dollar ($) prefixed field '${part}' in '${name}' is not allowed in the context of an update.`,
      );
    }
  }
  if (path.filter((part) => part === '$').length > 1) {
    throw badValue(`Too many positional (i.e. '$') elements found in path '${name}'`);
  }
  return path;
}

function checkConflicts(modifications: readonly Modification[]): void {
  const ends = new Set<string>();
  const inner = new Set<string>();
  for (const { path } of modifications) {
    const text = path.join('.');
    const clash =
      ends.has(text) || inner.has(text) ? text : prefixesOf(path).find((prefix) => ends.has(prefix));
    if (clash !== undefined) {
      throw new CommandError(40, `Updating the path '${text}' would create a conflict at '${clash}'`);
    }
    ends.add(text);
    for (const prefix of prefixesOf(path)) inner.add(prefix);
  }
}

function prefixesOf(path: readonly string[]): string[] {
  return path.slice(1).map((_, at) => path.slice(0, at + 1).join('.'));
}

/** MongoDB applies modifications in the order of their paths, numbers by value; new fields appear in this order. */
function byPath(left: Modification, right: Modification): number {
  for (const [at, a] of left.path.entries()) {
    const b = right.path[at];
    if (b === undefined) return 1;
    if (a === b) continue;
    const numeric = /^\d+$/.test(a) && /^\d+$/.test(b);
    return numeric ? Number(a) - Number(b) : Buffer.compare(Buffer.from(a), Buffer.from(b));
  }
  return -1;
}
