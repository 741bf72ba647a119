import type { Arguments } from '../arguments.ts';
import type { Call, Reply } from '../engine.ts';
import { failedToParse } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { collectionName } from '../namespaces.ts';
import { compileProjection } from '../projection.ts';
import { fieldOf } from '../raw-bson.ts';
import { ID_NAME, type Update, parseUpdate } from '../update.ts';
import { writeOne } from '../writes.ts';

/** The `findAndModify` command. */
export async function findAndModify(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  const name = collectionName(call);
  const change = changeOf(args);
  const projection = compileProjection(args.document('fields'));
  const request = { filter: parseFilter(args.document('query')), sort: [], limit: 1 };
  const write = { request, change, upsert: args.boolean('upsert') };
  const { before, after } = await engine.store.write(() => writeOne(engine.store, db, name, write));
  const shown = args.boolean('new') ? after : before;
  const value = shown && projection ? projection(shown) : (shown ?? null);
  if (change === 'delete') return { lastErrorObject: { n: before ? 1 : 0 }, value };
  const upserted = !before && after ? fieldOf(after, ID_NAME) : undefined;
  const n = before || after ? 1 : 0;
  return {
    lastErrorObject: { n, updatedExisting: before !== undefined, ...(upserted && { upserted }) },
    value,
  };
}

function changeOf(args: Arguments): 'delete' | Update {
  const update = args.value('update');
  const isRemoval = args.boolean('remove');
  if (isRemoval === (update !== undefined)) {
    throw failedToParse('Either an update or remove=true must be specified, and not both');
  }
  if (update) return parseUpdate(update);
  if (args.boolean('upsert') || args.boolean('new')) {
    throw failedToParse('Cannot specify upsert=true or new=true with remove=true');
  }
  return 'delete';
}
