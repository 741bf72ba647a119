import type { Call, Reply } from '../engine.ts';
import { unsupported } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { collectionName } from '../namespaces.ts';
import { compileProjection } from '../projection.ts';
import { fieldOf } from '../raw-bson.ts';
import { ID_NAME, parseUpdate } from '../update.ts';
import { writeOne } from '../writes.ts';

/** The `findAndModify` command. */
export async function findAndModify(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  const name = collectionName(call);
  const update = args.value('update');
  if (!update || args.boolean('remove'))
    throw unsupported('findAndModify with remove: true, or without an update,');
  const projection = compileProjection(args.document('fields'));
  const request = { filter: parseFilter(args.document('query')), sort: [], limit: 1 };
  const write = { request, change: parseUpdate(update), upsert: args.boolean('upsert') };
  const { before, after } = await engine.store.write(() => writeOne(engine.store, db, name, write));
  const shown = args.boolean('new') ? after : before;
  const value = shown && projection ? projection(shown) : (shown ?? null);
  const upserted = !before && after ? fieldOf(after, ID_NAME) : undefined;
  const n = before || after ? 1 : 0;
  return {
    lastErrorObject: { n, updatedExisting: before !== undefined, ...(upserted && { upserted }) },
    value,
  };
}
