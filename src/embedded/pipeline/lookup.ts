import { Arguments } from '../arguments.ts';
import { NULL, arrayOf } from '../bson-writer.ts';
import type { Collection } from '../catalog.ts';
import { CommandError } from '../errors.ts';
import { pathOf, visitPath } from '../paths.ts';
import { Query } from '../query.ts';
import { type RawValue, isArray, isObject } from '../raw-bson.ts';
import type { Store } from '../store.ts';
import { closeSlot, openDocument, placesOf, writePlace } from '../update-tree.ts';

/** Documents of the other collection that one document may be joined with, in bytes: what fits a document. */
const MAX_JOINED_BYTES = 16 * 1024 * 1024;

/**
 * Compiles a $lookup by localField and foreignField. Each document's look-up is a query, which uses the foreign
 * collection's index if it has one.
 * @throws CommandError 9 for missing fields; `pipeline` and `let` are refused
 */
export function compileLookup(
  store: Store,
  db: string,
  spec: RawValue,
): (document: RawValue) => Promise<RawValue> {
  if (!isObject(spec)) throw new CommandError(9, 'the $lookup specification must be an Object');
  const args = Arguments.of('$lookup', spec);
  args.allowOnly(['from', 'localField', 'foreignField', 'as', 'pipeline', 'let'], false);
  args.refuse('pipeline', 'let');
  const [from, local, foreign, as] = ['from', 'localField', 'foreignField', 'as'].map((name) => {
    const text = args.text(name);
    if (!text || text.startsWith('$')) throw new CommandError(9, `$lookup needs '${name}', a name`);
    return text;
  });
  const localPath = pathOf(local ?? '');
  const target = (as ?? '').split('.');
  return async (document) => {
    const collection = store.collection(db, from ?? '');
    const joined = collection
      ? await lookUp(store, collection, foreign ?? '', valuesAt(document, localPath))
      : [];
    const root = openDocument(document);
    for (const place of placesOf(root, target, true)) writePlace(place, arrayOf(joined));
    return closeSlot(root);
  };
}

/** The values to look for: of an array its elements; of a missing field null. */
function valuesAt(document: RawValue, path: ReturnType<typeof pathOf>): RawValue[] {
  const values: RawValue[] = [];
  let found = false;
  visitPath(document, path, false, (value) => {
    found = true;
    if (!isArray(value)) values.push(value ?? NULL);
    return false;
  });
  return found ? values : [NULL];
}

async function lookUp(
  store: Store,
  collection: Collection,
  foreignField: string,
  values: readonly RawValue[],
): Promise<RawValue[]> {
  const filter = {
    kind: '$and' as const,
    filters: [
      {
        kind: 'field' as const,
        path: pathOf(foreignField),
        test: { operator: '$in' as const, values, patterns: [] },
      },
    ],
  };
  const joined: RawValue[] = [];
  let bytes = 0;
  await new Query(store, collection, { filter, sort: [], skip: 0, limit: 0 }).forEach(({ document }) => {
    joined.push(document);
    bytes += document.end - document.start;
    if (bytes > MAX_JOINED_BYTES)
      throw new CommandError(4568, 'Total size of documents in the $lookup exceeds 16MB');
    return true;
  });
  return joined;
}
