import { conjuncts } from './bounds.ts';
import { arrayOf, documentOf } from './bson-writer.ts';
import type { FieldFilter, Filter, GroupFilter } from './query-tree.ts';
import { compileFilter } from './matcher.ts';
import { pathOf } from './paths.ts';
import { type RawValue, fieldOf, isArray, isObject, valuesOf } from './raw-bson.ts';

/**
 * The index that `$` stands for after an array's path: the first element that meets the query's last condition on it.
 * @returns undefined if the query has no condition on the array
 */
export function matchedIndex(
  document: RawValue,
  path: readonly string[],
  filter: GroupFilter,
): number | undefined {
  const array = valueAt(document, path);
  if (!isArray(array)) return undefined;
  const prefix = path.join('.');
  const items = valuesOf(array);
  let found: number | undefined;
  for (const condition of conditionsOn(filter, prefix)) {
    const rest = condition.path.text.slice(prefix.length);
    const matches = compileFilter({
      kind: '$and',
      filters: [{ ...condition, path: pathOf(`a${rest}`) }],
    });
    const index = items.findIndex((item) => matches(documentOf([['a', arrayOf([item])]])));
    if (index >= 0) found = index;
  }
  return found;
}

/** Conditions on the array or on fields of its elements, in $or branches too. */
function conditionsOn(filter: GroupFilter, prefix: string): FieldFilter[] {
  return conjuncts(filter).flatMap((condition: Filter): FieldFilter[] => {
    if (condition.kind === '$or')
      return condition.filters.flatMap((branch) => conditionsOn(grouped(branch), prefix));
    if (condition.kind !== 'field') return [];
    const { text } = condition.path;
    return text === prefix || text.startsWith(`${prefix}.`) ? [condition] : [];
  });
}

function grouped(filter: Filter): GroupFilter {
  return filter.kind === 'field' ? { kind: '$and', filters: [filter] } : filter;
}

function valueAt(document: RawValue, path: readonly string[]): RawValue | undefined {
  let value: RawValue | undefined = document;
  for (const name of path) {
    if (!isObject(value) && !isArray(value)) return undefined;
    value = fieldOf(value, Buffer.from(name));
  }
  return value;
}
