import { Arguments, deadlineOf, hintOf, keyPartsOf } from '../arguments.ts';
import { documentOf } from '../bson-writer.ts';
import type { ResultSource } from '../cursors.ts';
import type { Call, Reply } from '../engine.ts';
import { CommandError, failedToParse, unsupported } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { collectionName } from '../namespaces.ts';
import { type StageSpec, compileStage, limitOf, skipOf, stageSpecs } from '../pipeline/stages.ts';
import { Query, type QueryRequest } from '../query.ts';
import { type RawValue, TYPE, isNumber, isObject } from '../raw-bson.ts';
import { isTurnOver, nextTurn } from '../../turns.ts';
import { firstBatch } from './find.ts';

const FIRST_BATCH = 101;
/** Documents read at a time for a pipeline: its snapshot is held no longer than that. */
const READ_CHUNK = 200;

const OPTIONS =
  'aggregate pipeline cursor hint allowDiskUse bypassDocumentValidation collation let explain'.split(' ');

/** The `aggregate` command on a collection. */
export async function aggregate(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  const { query, rest } = pipelineOf(args);
  if (args.boolean('explain'))
    throw unsupported(238, "aggregate with 'explain' inside; use the explain command, which");
  const cursor = args.document('cursor');
  if (!cursor)
    throw failedToParse("The 'cursor' option is required, except for aggregate with the explain argument");
  const options = Arguments.of('aggregate.cursor', cursor);
  options.allowOnly(['batchSize'], false);
  const name = collectionName(call);
  const stages = rest.map((stage) => compileStage(engine.store, db, stage));
  const collection = engine.store.collection(db, name);
  let documents = read(collection && new Query(engine.store, collection, query));
  for (const stage of stages) documents = paced(stage(documents));
  return firstBatch(
    call,
    `${db}.${name}`,
    new PipelineSource(documents),
    options.count('batchSize') ?? FIRST_BATCH,
    false,
  );
}

/** A pipeline's leading $match, $sort, $skip and $limit as a query, which can use indexes, and the stages after it. */
export function pipelineOf(args: Arguments): { query: QueryRequest; rest: StageSpec[] } {
  args.allowOnly(OPTIONS);
  args.refuse('collation', 'let');
  const pipeline = args.list('pipeline');
  if (!pipeline)
    throw new CommandError(40414, "BSON field 'aggregate.pipeline' is missing but a required field");
  if (isNumber(args.value('aggregate') ?? documentOf([])))
    throw unsupported(73, 'an aggregation without a collection');
  const specs = stageSpecs(pipeline);
  let at = 0;
  const take = (name: string): RawValue | undefined => {
    const spec = specs[at];
    if (spec?.name !== name) return undefined;
    at += 1;
    return spec.operand;
  };
  const match = take('$match');
  if (match && !isObject(match))
    throw new CommandError(15959, 'the match filter must be an expression in an object');
  const sort = take('$sort');
  if (sort && sort.type !== TYPE.object)
    throw new CommandError(15973, 'the $sort key specification must be an object');
  const skip = take('$skip');
  const limit = take('$limit');
  const query = {
    filter: parseFilter(match ?? documentOf([])),
    sort: keyPartsOf(sort, '$sort'),
    skip: skip ? skipOf(skip) : 0,
    limit: limit ? limitOf(limit) : 0,
    hint: hintOf(args),
    deadlineAt: deadlineOf(args),
  };
  return { query, rest: specs.slice(at) };
}

async function* read(query: Query | undefined): AsyncGenerator<RawValue> {
  if (!query) return;
  for (;;) {
    const chunk: RawValue[] = [];
    const done = await query.forEach(({ document }) => chunk.push(document) < READ_CHUNK);
    yield* chunk;
    if (done) return;
  }
}

/** Gives way to others between documents. */
async function* paced(documents: AsyncIterable<RawValue>): AsyncGenerator<RawValue> {
  for await (const document of documents) {
    if (isTurnOver()) await nextTurn();
    yield document;
  }
}

/** A pipeline's output, batch by batch. */
class PipelineSource implements ResultSource {
  readonly #documents: AsyncGenerator<RawValue>;

  constructor(documents: AsyncGenerator<RawValue>) {
    this.#documents = documents;
  }

  async nextBatch(count: number, maxBytes: number): Promise<{ documents: RawValue[]; done: boolean }> {
    const documents: RawValue[] = [];
    let bytes = 0;
    while (documents.length < count && bytes < maxBytes) {
      const next = await this.#documents.next();
      if (next.done) return { documents, done: true };
      documents.push(next.value);
      bytes += next.value.end - next.value.start;
    }
    return { documents, done: false };
  }
}
