import { Arguments } from '../arguments.ts';
import type { Encodable } from '../bson-writer.ts';
import type { Call, Reply } from '../engine.ts';
import { badValue, unsupported } from '../errors.ts';
import { patternDocument } from '../index-describe.ts';
import { collectionName } from '../namespaces.ts';
import { Query, type QueryRequest } from '../query.ts';
import { fieldsOf } from '../raw-bson.ts';
import { pipelineOf } from './aggregate.ts';
import { countRequest } from './count.ts';
import { findRequest } from './find.ts';
import { updateStatement } from './write.ts';

/**
 * The `explain` command for find, count, aggregate and update: the plan (COLLSCAN, or FETCH over IXSCAN, or
 * PROJECTION_COVERED instead of FETCH if no document is read, under SORT if the plan's order is not the wanted one) and, unless `verbosity` is queryPlanner, what running it examines.
 */
export async function explain(call: Call): Promise<Reply> {
  const { args, engine, db } = call;
  args.allowOnly(['explain', 'verbosity']);
  const verbosity = args.text('verbosity') ?? 'allPlansExecution';
  if (!['queryPlanner', 'executionStats', 'allPlansExecution'].includes(verbosity)) {
    throw badValue(`unknown explain verbosity '${verbosity}'`);
  }
  const command = args.document('explain');
  if (!command) throw badValue("'explain' must be a command");
  const fields = fieldsOf(command);
  const inner = new Arguments(fields[0]?.[0] ?? '', fields);
  const request = requestOf(inner);
  const namespace = `${db}.${collectionName({ ...call, args: inner })}`;
  const collection = engine.store.collection(db, collectionName({ ...call, args: inner }));
  const query = collection && new Query(engine.store, collection, request);
  const winningPlan = query ? stagesOf(query, request) : { stage: 'EOF' };
  return {
    explainVersion: '1',
    queryPlanner: { namespace, winningPlan, rejectedPlans: [] },
    ...(verbosity !== 'queryPlanner' && { executionStats: await run(query) }),
    command,
  };
}

function requestOf(args: Arguments): QueryRequest {
  switch (args.owner) {
    case 'find':
      return findRequest(args);
    case 'count':
      return countRequest(args);
    case 'aggregate':
      return pipelineOf(args).query;
    case 'update': {
      const [statement, more] = args.list('updates') ?? [];
      if (!statement || more) throw badValue('explained write batches must be of size 1');
      return updateStatement(args, statement).request;
    }
    default:
      throw unsupported(59, `explain of '${args.owner}'`);
  }
}

type Tree = Readonly<Record<string, Encodable>>;

function stagesOf(query: Query, request: QueryRequest): Tree {
  const { plan } = query;
  const direction = plan.reverse ? 'backward' : 'forward';
  let tree: Tree =
    plan.kind === 'collection'
      ? { stage: 'COLLSCAN', direction }
      : {
          stage: query.cover() ? 'PROJECTION_COVERED' : 'FETCH',
          filterApplied: !plan.exact,
          inputStage: {
            stage: 'IXSCAN',
            indexName: plan.index.name,
            keyPattern: patternDocument(plan.index.parts),
            isMultiKey: plan.index.multikey.includes(true),
            isUnique: plan.index.unique,
            direction,
            ranges: plan.ranges.length,
          },
        };
  if (!plan.sorted) tree = { stage: 'SORT', sortPattern: patternDocument(request.sort), inputStage: tree };
  if (request.skip > 0) tree = { stage: 'SKIP', skipAmount: request.skip, inputStage: tree };
  return request.limit > 0 ? { stage: 'LIMIT', limitAmount: request.limit, inputStage: tree } : tree;
}

async function run(query: Query | undefined): Promise<Tree> {
  const startedAt = performance.now();
  let nReturned = 0;
  await query?.forEach(() => {
    nReturned += 1;
    return true;
  });
  return {
    executionSuccess: true,
    nReturned,
    executionTimeMillis: Math.round(performance.now() - startedAt),
    totalKeysExamined: query?.scan.keysExamined ?? 0,
    totalDocsExamined: query?.scan.docsExamined ?? 0,
  };
}
