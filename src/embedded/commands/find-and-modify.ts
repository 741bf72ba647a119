import type { Call, Reply } from '../engine.ts';
import { unsupported } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { collectionName } from '../namespaces.ts';
import { compileProjection } from '../projection.ts';
import { parseUpdate } from '../update.ts';
import { writeOne } from '../writes.ts';

export async function findAndModify(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  const name = collectionName(call);
  const update = args.value('update');
  if (!update || args.boolean('remove') || args.boolean('upsert'))
    throw unsupported('findAndModify with remove: true or upsert: true, or without an update,');
  const projection = compileProjection(args.document('fields'));
  const request = { filter: parseFilter(args.document('query')), sort: [], limit: 1 };
  const write = { request, change: parseUpdate(update), upsert: false };
  const { before, after } = await engine.store.write(() => writeOne(engine.store, db, name, write));
  const shown = args.boolean('new') ? after : before;
  const value = shown && projection ? projection(shown) : (shown ?? null);
  const isFound = before !== undefined;
  return { lastErrorObject: { n: isFound ? 1 : 0, updatedExisting: isFound }, value };
}
