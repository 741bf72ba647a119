import { type Arguments, deadlineOf, hintOf, keyPartsOf } from '../arguments.ts';
import { documentOf } from '../bson-writer.ts';
import type { Call, Reply } from '../engine.ts';
import { failedToParse } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { collectionName } from '../namespaces.ts';
import { compileProjection } from '../projection.ts';
import { fieldOf } from '../raw-bson.ts';
import { ID_NAME } from '../update.ts';
import { type Update, parseUpdate } from '../update-parse.ts';
import { writeOne } from '../writes.ts';

const OPTIONS = (
  'findAndModify findandmodify query sort remove update new fields upsert hint ' +
  'bypassDocumentValidation collation arrayFilters let'
).split(' ');

/** The `findAndModify` command. */
export async function findAndModify(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  args.allowOnly(OPTIONS);
  args.refuse('collation', 'arrayFilters', 'let');
  const name = collectionName(call);
  const upsert = args.boolean('upsert');
  const wantsNew = args.boolean('new');
  const change = changeOf(args, upsert, wantsNew);
  const projection = compileProjection(args.document('fields'));
  const request = {
    filter: parseFilter(args.document('query') ?? documentOf([])),
    sort: keyPartsOf(args.document('sort'), '$sort'),
    skip: 0,
    limit: 1,
    hint: hintOf(args),
    deadlineAt: deadlineOf(args),
  };
  const { before, after } = await writeOne(engine.store, db, name, { request, change, upsert });
  const shown = wantsNew ? after : before;
  const value = shown && projection ? projection(shown) : (shown ?? null);
  if (change === 'delete') return { lastErrorObject: { n: before ? 1 : 0 }, value };
  const inserted = !before && after ? fieldOf(after, ID_NAME) : undefined;
  return {
    lastErrorObject: {
      n: before || after ? 1 : 0,
      updatedExisting: before !== undefined,
      ...(inserted && { upserted: inserted }),
    },
    value,
  };
}

function changeOf(args: Arguments, upsert: boolean, wantsNew: boolean): 'delete' | Update {
  const update = args.value('update');
  if (args.boolean('remove')) {
    if (update) throw failedToParse('Cannot specify both an update and remove=true');
    if (upsert) throw failedToParse('Cannot specify both upsert=true and remove=true');
    if (wantsNew)
      throw failedToParse(
        "Cannot specify both new=true and remove=true; 'remove' always returns the deleted document",
      );
    return 'delete';
  }
  if (!update) throw failedToParse('Either an update or remove=true must be specified');
  return parseUpdate(update);
}
