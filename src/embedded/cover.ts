import type { IndexInfo } from './catalog.ts';
import { type Flip, GROWTH_BYTES, keyEnd, typeOf, writeValue } from './key-values.ts';
import { compileFilter } from './matcher.ts';
import type { IndexPlan } from './planner.ts';
import type { Projection } from './projection.ts';
import type { Filter, GroupFilter } from './filter.ts';
import { RawValue, TYPE, isArray } from './raw-bson.ts';
import { OWNER_BYTES } from './store-keys.ts';

/** Answers a query from index keys, without reading documents. */
export interface Cover {
  /** Returns the projected document; undefined if it does not match; 'unknown' if the stored document is needed. */
  read(key: Buffer): RawValue | undefined | 'unknown';
}

/** A field to decode from an index's keys. */
interface Field {
  /** The field's position in the index. */
  readonly part: number;
  readonly flip: Flip;
  /** The name with a trailing NUL. */
  readonly name: Buffer;
  readonly numbers: number;
}

/** Operators that treat a missing field like null. Keys do not distinguish the two. */
const COMPARISONS: ReadonlySet<string> = new Set(['$eq', '$ne', '$gt', '$gte', '$lt', '$lte']);

/**
 * Returns a Cover; undefined if keys alone cannot answer the query, e.g. because they lack a projected field.
 * @param index - the plan's index in its current state, which writes may have changed since planning
 */
export function coverOf(
  plan: IndexPlan,
  index: IndexInfo,
  filter: GroupFilter,
  projection: Projection | undefined,
): Cover | undefined {
  if (!projection?.fields || !plan.sorted || index.longKeys) return undefined;
  const shown = fieldsIn(index, projection.fields);
  const paths = plan.exact ? [] : comparedPaths(filter);
  const tested = paths && fieldsIn(index, paths);
  if (!shown || !tested) return undefined;
  const matches = plan.exact ? undefined : compileFilter(filter);
  const flips = index.parts.map(({ direction }): Flip => (direction === -1 ? 255 : 0));
  const ends: number[] = flips.map(() => 0);
  const last = Math.max(...[...shown, ...tested].map(({ part }) => part));
  return {
    read(key) {
      let at = OWNER_BYTES;
      for (let part = 0; part <= last; part++) {
        at = keyEnd(key, at, flips[part] ?? 0);
        if (at < 0) return 'unknown';
        ends[part] = at;
      }
      if (matches) {
        const document = documentFrom(key, tested, ends, true);
        if (!document) return 'unknown';
        if (!matches(document)) return undefined;
      }
      return documentFrom(key, shown, ends, false) ?? 'unknown';
    },
  };
}

/** Returns the named fields: _id first, then the others in index order. Undefined if the index lacks a name. */
function fieldsIn({ parts, numbers }: IndexInfo, names: readonly string[]): Field[] | undefined {
  if (!numbers) return undefined;
  const fields = parts.flatMap(({ field, direction }, part): Field[] =>
    names.includes(field.text)
      ? [
          {
            part,
            flip: direction === -1 ? 255 : 0,
            name: Buffer.from(`${field.text}\0`),
            numbers: numbers[part] ?? 0,
          },
        ]
      : [],
  );
  if (fields.length < new Set(names).size) return undefined;
  const id = fields.filter(({ part }) => parts[part]?.field.text === '_id');
  return [...id, ...fields.filter((field) => !id.includes(field))];
}

/** Returns the filter's fields. Undefined if a test is not a comparison, or compares with an array. */
function comparedPaths(filter: Filter): string[] | undefined {
  if (filter.kind === 'field') {
    const { test, field } = filter;
    return 'value' in test && COMPARISONS.has(test.operator) && !isArray(test.value)
      ? [field.text]
      : undefined;
  }
  const paths = filter.filters.map(comparedPaths);
  return paths.every((inner) => inner !== undefined) ? paths.flat() : undefined;
}

/**
 * Decodes `fields` from an index key and returns them as a document; undefined if a value cannot be decoded.
 * @param ends - the offset in `key` at which the value of each index field ends
 * @param loose - whether null may stand for a missing field
 */
function documentFrom(
  key: Buffer,
  fields: readonly Field[],
  ends: readonly number[],
  loose: boolean,
): RawValue | undefined {
  let room = 5;
  for (const { part, name } of fields)
    room += name.length + 1 + GROWTH_BYTES + (ends[part] ?? 0) - startOf(ends, part);
  const bytes = Buffer.allocUnsafe(room);
  let at = 4;
  for (const { part, flip, name, numbers } of fields) {
    const start = startOf(ends, part);
    const type = typeOf(key, start, flip, numbers);
    if (type < 0 || (type === TYPE.null && !loose)) return undefined;
    bytes[at] = type;
    at += 1;
    bytes.set(name, at);
    at += name.length;
    at = writeValue(bytes, at, type, key, start, ends[part] ?? 0, flip);
  }
  bytes[at] = 0;
  bytes.writeInt32LE(at + 1, 0);
  return new RawValue(TYPE.object, bytes, 0, at + 1);
}

function startOf(ends: readonly number[], part: number): number {
  return part === 0 ? OWNER_BYTES : (ends[part - 1] ?? 0);
}
