import type { IndexInfo } from './catalog.ts';
import { type Flip, GROWTH_BYTES, keyEnd, typeOf, writeValue } from './key-values.ts';
import { compileFilter } from './matcher.ts';
import type { IndexPlan } from './planner.ts';
import type { Projection } from './projection.ts';
import type { Filter, GroupFilter } from './filter.ts';
import { RawValue, TYPE, isArray } from './raw-bson.ts';
import { OWNER_BYTES } from './store-keys.ts';

/** Says what a query gives for an index entry, without its document. */
export interface Cover {
  /** The projected document, undefined if the entry does not match, or 'unknown' if its key does not tell. */
  read(key: Buffer): RawValue | undefined | 'unknown';
  readonly projection: Projection;
}

/** A field to be read back from an index's keys. */
interface Field {
  readonly part: number;
  readonly flip: Flip;
  /** Name, with a 0 after it. */
  readonly name: Buffer;
  readonly numbers: number;
}

/** Comparisons, for which a missing field is null; keys do not tell these two apart. */
const COMPARISONS: ReadonlySet<string> = new Set(['$eq', '$ne', '$gt', '$gte', '$lt', '$lte']);

/**
 * How to answer from the keys alone, or undefined if they do not hold all that filter and projection are about.
 * @param index - the plan's index as it is now: what it has met may have changed since the plan was made
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
    projection,
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

/** The fields in the order in which to write them: _id first, then as in the index. Undefined if one is not in it. */
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

/** The fields that the filter is about, or undefined if it has more than comparisons with values that indexes hold. */
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
 * A document of the fields whose values end at `ends`; undefined if a key does not tell its value.
 * @param loose - a null may be a missing field
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
    for (const byte of name) {
      bytes[at] = byte;
      at += 1;
    }
    at = writeValue(bytes, at, type, key, start, ends[part] ?? 0, flip);
  }
  bytes[at] = 0;
  bytes.writeInt32LE(at + 1, 0);
  return new RawValue(TYPE.object, bytes, 0, at + 1);
}

function startOf(ends: readonly number[], part: number): number {
  return part === 0 ? OWNER_BYTES : (ends[part - 1] ?? 0);
}
