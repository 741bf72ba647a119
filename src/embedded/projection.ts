import { arrayOf, documentOf } from './bson-writer.ts';
import { CommandError, badValue, unsupported } from './errors.ts';
import { isTruthy } from './filter-tests.ts';
import { parseFilter } from './filter.ts';
import { compileFilter } from './matcher.ts';
import { numberOf } from './number-order.ts';
import {
  type RawField,
  type RawValue,
  TYPE,
  fieldsOf,
  isArray,
  isNumber,
  isObject,
  pickFields,
  valuesOf,
} from './raw-bson.ts';

/** Gives the part of a document that a projection asks for. */
export interface Projection {
  (document: RawValue): RawValue;
  /** The fields of the document itself that it keeps, if that is all it does. */
  readonly fields?: readonly string[];
}

/** What to do with a field: keep or drop it, go into it, or pick array elements. */
type Rule = 'keep' | 'drop' | Tree | Picker;
type Tree = Map<string, Rule>;
type Picker = (value: RawValue) => RawValue | undefined;

/**
 * Compiles a find projection: inclusion or exclusion of dotted paths, $slice and $elemMatch.
 * @throws CommandError 2, 31249, 31253 or 31254 as MongoDB does, and 2 for expressions, which are not supported
 */
export function compileProjection(spec: RawValue | undefined): Projection | undefined {
  const tree: Tree = new Map();
  const modes = new Set<'keep' | 'drop'>();
  for (const [name, value] of spec ? fieldsOf(spec) : []) addField(tree, modes, name, value, '');
  if (tree.size === 0) return undefined;
  const id = tree.get('_id');
  if (modes.size === 0) modes.add(id === 'keep' ? 'keep' : 'drop');
  const [mode = 'drop', other] = modes;
  if (other) {
    throw new CommandError(
      mode === 'keep' ? 31254 : 31253,
      `Cannot do ${mode === 'keep' ? 'exclusion' : 'inclusion'} in ${mode === 'keep' ? 'inclusion' : 'exclusion'} projection`,
    );
  }
  if (mode === 'keep' && id === undefined) tree.set('_id', 'keep');
  const including = mode === 'keep';
  if (including && [...tree.values()].every((rule) => rule === 'keep' || rule === 'drop')) {
    const fields = [...tree.keys()].filter((name) => tree.get(name) === 'keep');
    const names = fields.map((name) => Buffer.from(name));
    return Object.assign((document: RawValue) => pickFields(document, names), { fields });
  }
  return (document) => project(document, tree, including);
}

function addField(
  tree: Tree,
  modes: Set<'keep' | 'drop'>,
  name: string,
  value: RawValue,
  prefix: string,
): void {
  checkPath(name);
  const full = prefix + name;
  if (isNumber(value) || value.type === TYPE.bool) {
    const rule = isTruthy(value) ? 'keep' : 'drop';
    if (full !== '_id') modes.add(rule);
    place(tree, name, rule);
  } else if (isObject(value)) {
    addObject(tree, modes, name, value, full);
  } else {
    throw unsupported(2, `a projection of '${full}' by an expression or value`);
  }
}

function addObject(
  tree: Tree,
  modes: Set<'keep' | 'drop'>,
  name: string,
  value: RawValue,
  full: string,
): void {
  const fields = fieldsOf(value);
  const [operator, operand] = fields[0] ?? [];
  if (operator === undefined || !operand)
    throw new CommandError(51270, 'An empty sub-projection is not a valid value.');
  if (!operator.startsWith('$')) {
    for (const [inner, rule] of fields)
      addField(tree, modes, `${name}.${inner}`, rule, full.slice(0, -name.length));
    return;
  }
  if (fields.length > 1) throw badValue(`a projection of '${full}' has more than one operator`);
  if (operator === '$slice') {
    place(tree, name, slicer(operand));
  } else if (operator === '$elemMatch') {
    if (!isObject(operand)) throw badValue('elemMatch: Invalid argument, object required');
    modes.add('keep');
    place(tree, name, firstMatch(operand));
  } else {
    throw unsupported(2, `the projection operator ${operator}`);
  }
}

function checkPath(name: string): void {
  const parts = name.split('.');
  if (parts.includes('$')) throw unsupported(31394, 'a positional projection');
  if (parts.includes('')) throw new CommandError(40353, 'FieldPath must not be empty or have empty parts');
  if (parts.some((part) => part.startsWith('$'))) {
    throw new CommandError(16410, `FieldPath field names may not start with '$': ${name}`);
  }
}

function place(tree: Tree, name: string, rule: Rule): void {
  const dot = name.indexOf('.');
  const head = dot < 0 ? name : name.slice(0, dot);
  const known = tree.get(head);
  if (known && (dot < 0 || !(known instanceof Map))) {
    throw new CommandError(31249, `Path collision at ${name}`);
  }
  if (dot < 0) {
    tree.set(head, rule);
    return;
  }
  const below: Tree = known instanceof Map ? known : new Map();
  tree.set(head, below);
  place(below, name.slice(dot + 1), rule);
}

function project(document: RawValue, tree: Tree, including: boolean): RawValue {
  return documentOf(
    fieldsOf(document).flatMap(([name, value]): RawField[] => {
      const rule = tree.get(name) ?? (including ? 'drop' : 'keep');
      const result = applyRule(value, rule, including);
      return result ? [[name, result]] : [];
    }),
  );
}

function applyRule(value: RawValue, rule: Rule, including: boolean): RawValue | undefined {
  if (rule === 'keep') return value;
  if (rule === 'drop') return undefined;
  if (rule instanceof Map) return projectInto(value, rule, including);
  return rule(value);
}

function projectInto(value: RawValue, tree: Tree, including: boolean): RawValue | undefined {
  if (isObject(value)) return project(value, tree, including);
  if (!isArray(value)) return including ? undefined : value;
  return arrayOf(
    valuesOf(value).flatMap((item) => {
      const result = projectInto(item, tree, including);
      return result ? [result] : [];
    }),
  );
}

function slicer(operand: RawValue): Picker {
  const numbers = (isArray(operand) ? valuesOf(operand) : [operand]).map((value) =>
    isNumber(value) ? Math.trunc(numberOf(value)) : Number.NaN,
  );
  if (numbers.some(Number.isNaN) || numbers.length > 2 || numbers.length === 0) {
    throw new CommandError(28667, 'Invalid $slice syntax: a number or [skip, limit] is needed');
  }
  const [first = 0, limit] = numbers;
  if (isArray(operand) && (limit === undefined || limit <= 0)) {
    throw new CommandError(28724, '$slice limit must be positive');
  }
  return (value) => {
    if (!isArray(value)) return value;
    const items = valuesOf(value);
    if (limit === undefined) return arrayOf(first < 0 ? items.slice(first) : items.slice(0, first));
    const start = first < 0 ? Math.max(0, items.length + first) : first;
    return arrayOf(items.slice(start, start + limit));
  };
}

/** The first element that matches, found by asking whether an array of it alone would match. */
function firstMatch(operand: RawValue): Picker {
  const query = documentOf([['a', documentOf([['$elemMatch', operand]])]]);
  const matches = compileFilter(parseFilter(query));
  return (value) => {
    const found = (isArray(value) ? valuesOf(value) : []).find((item) =>
      matches(documentOf([['a', arrayOf([item])]])),
    );
    return found && arrayOf([found]);
  };
}
