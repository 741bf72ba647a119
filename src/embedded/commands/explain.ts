import { Arguments } from '../arguments.ts';
import type { Encodable } from '../bson-writer.ts';
import { patternDocument } from '../catalog.ts';
import type { Call, Reply } from '../engine.ts';
import { badValue } from '../errors.ts';
import { collectionName } from '../namespaces.ts';
import { Query, type QueryRequest } from '../query.ts';
import { fieldsOf } from '../raw-bson.ts';
import { findRequest } from './find.ts';

/**
 * The `explain` command for find. Returns the plan in MongoDB's form: COLLSCAN, or FETCH over IXSCAN, or
 * PROJECTION_COVERED over IXSCAN if no document is read. Adds SORT if the plan does not yield the sort order. Unless
 * `verbosity` is queryPlanner, also runs the query and counts the keys and documents examined.
 */
export async function explain(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  const command = args.document('explain');
  if (!command) throw badValue("'explain' must be a command");
  const inner = new Arguments('find', fieldsOf(command));
  const request = findRequest(inner);
  const name = collectionName({ ...call, args: inner });
  const collection = engine.store.collection(db, name);
  const query = collection && new Query(engine.store, collection, request);
  const winningPlan = query ? stagesOf(query, request) : { stage: 'EOF' };
  return {
    queryPlanner: { namespace: `${db}.${name}`, winningPlan, rejectedPlans: [] },
    ...(args.text('verbosity') !== 'queryPlanner' && { executionStats: await run(query) }),
  };
}

type Tree = Readonly<Record<string, Encodable>>;

function stagesOf(query: Query, { sort, limit }: QueryRequest): Tree {
  const { plan } = query;
  let tree: Tree =
    plan.kind === 'collection'
      ? { stage: 'COLLSCAN', direction: 'forward' }
      : {
          stage: query.cover() ? 'PROJECTION_COVERED' : 'FETCH',
          inputStage: {
            stage: 'IXSCAN',
            indexName: plan.index.name,
            keyPattern: patternDocument(plan.index.parts),
            direction: plan.reverse ? 'backward' : 'forward',
          },
        };
  if (!plan.sorted) tree = { stage: 'SORT', sortPattern: patternDocument(sort), inputStage: tree };
  return limit > 0 ? { stage: 'LIMIT', limitAmount: limit, inputStage: tree } : tree;
}

async function run(query: Query | undefined): Promise<Tree> {
  let nReturned = 0;
  await query?.forEach(() => {
    nReturned += 1;
    return true;
  });
  return {
    nReturned,
    totalKeysExamined: query?.scan.keysExamined ?? 0,
    totalDocsExamined: query?.scan.docsExamined ?? 0,
  };
}
