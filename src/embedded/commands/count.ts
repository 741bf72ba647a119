import { Arguments, deadlineOf, hintOf } from '../arguments.ts';
import { documentOf } from '../bson-writer.ts';
import type { Call, Reply } from '../engine.ts';
import { CommandError, badValue } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { collectionName } from '../namespaces.ts';
import { pathOf, visitPath } from '../paths.ts';
import { Query, type QueryRequest } from '../query.ts';
import { MAX_DOCUMENT_BYTES, type RawValue, isArray } from '../raw-bson.ts';
import { valueKey } from '../value-key.ts';

/** The `count` command. */
export async function count(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  const request = countRequest(args);
  const collection = engine.store.collection(db, collectionName(call));
  let n = 0;
  if (collection) {
    await new Query(engine.store, collection, request).forEach(() => {
      n += 1;
      return true;
    });
  }
  return { n };
}

/** The query that a count (or an explained one) runs. */
export function countRequest(args: Arguments): QueryRequest {
  args.allowOnly(['count', 'query', 'limit', 'skip', 'hint', 'collation', 'fields']);
  args.refuse('collation', 'fields');
  return queryOf(args, args.count('skip') ?? 0, args.count('limit') ?? 0);
}

function queryOf(args: Arguments, skip: number, limit: number): QueryRequest {
  const filter = parseFilter(args.document('query') ?? documentOf([]));
  return { filter, sort: [], skip, limit, hint: hintOf(args), deadlineAt: deadlineOf(args) };
}

/** The `distinct` command: the different values at a path, of array elements one by one. */
export async function distinct(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  args.allowOnly(['distinct', 'key', 'query', 'hint', 'collation']);
  args.refuse('collation');
  const key = args.text('key');
  if (!key) throw badValue("'distinct.key' must be a field name");
  const path = pathOf(key);
  const values = new Map<string, RawValue>();
  let bytes = 0;
  const note = (value: RawValue): void => {
    const text = valueKey(value).toString('latin1');
    if (values.has(text)) return;
    values.set(text, value);
    bytes += value.end - value.start;
    if (bytes > MAX_DOCUMENT_BYTES) throw new CommandError(17217, 'distinct too big, 16mb cap');
  };
  const collection = engine.store.collection(db, collectionName(call));
  if (collection) {
    await new Query(engine.store, collection, queryOf(args, 0, 0)).forEach(({ document }) => {
      visitPath(document, path, false, (value) => {
        if (value && !isArray(value)) note(value);
        return false;
      });
      return true;
    });
  }
  return { values: [...values.values()] };
}
