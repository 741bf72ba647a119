import express, { type Express } from 'express';
import type { Logger } from 'pino';
import { AccountStore } from './store/account-store.ts';
import { KeyStore } from './store/key-store.ts';
import type { TrustProxy } from './config/parsers.ts';
import type { Collections } from './store/collections.ts';
import type { EngineState } from './engine/port.ts';
import { defineHandlers } from './operations/handlers.ts';
import type { DatabaseWatch } from './database/watch.ts';
import { getLiveness } from './operations/getLiveness.ts';
import { getReadiness } from './operations/getReadiness.ts';
import type { Readiness } from './database/readiness.ts';
import { body } from './http/request/body.ts';
import { refuseExcess } from './http/server/connections.ts';
import { type Auth, credentials } from './http/security/credentials.ts';
import { crossOrigin } from './http/security/cors.ts';
import { Deadline } from './http/server/deadline.ts';
import { docs } from './http/pages/docs.ts';
import { page } from './http/pages/page.ts';
import { errorReplies } from './http/reply/error-replies.ts';
import { ReplyBudget, tooManyReplies } from './http/server/reply-budget.ts';
import { GzipCache } from './http/reply/gzip.ts';
import { measure } from './http/observe/measure.ts';
import { sizes } from './http/request/sizes.ts';
import { parseQuery, strictQuery } from './http/request/strict-query.ts';
import { notStored } from './http/reply/not-stored.ts';
import { ownMachineUnlessOpen } from './http/security/own-machine.ts';
import { type RateLimits, limitAddresses, limitKeys } from './http/security/rate-limit.ts';
import { requestLog } from './http/observe/request-log.ts';
import { MCP_PATH, checkAccept, checkRoute, router } from './http/request/routes.ts';
import { mcp } from './http/server/mcp.ts';
import { apiHeaders, strictTransport } from './http/security/security-headers.ts';
import { loadSpec } from './http/request/spec.ts';
import { traceRequests } from './http/observe/trace.ts';
import { validation } from './http/request/validation.ts';
import { whenStarted } from './http/server/when-started.ts';
import type { Limits } from './config/limits.ts';
import { ByteBudget } from './lib/byte-budget.ts';
import { cancelRun } from './operations/cancelRun.ts';
import { listOccurrences } from './operations/listOccurrences.ts';
import { listRuns } from './operations/listRuns.ts';
import { recordRuns } from './operations/recordRuns.ts';
import { runTask } from './operations/runTask.ts';
import { CancelStore } from './store/cancel-store.ts';
import { EngineStore } from './store/engine-store.ts';
import { OccurrenceStore } from './store/occurrence-store.ts';
import { QueueStore } from './store/queue-store.ts';
import { RunStore } from './store/run-store.ts';
import { ClaimStore } from './store/claim-store.ts';
import { createTask } from './operations/createTask.ts';
import { deleteTask } from './operations/deleteTask.ts';
import { getCaller } from './operations/getCaller.ts';
import { listTasks } from './operations/listTasks.ts';
import { listUpcoming } from './operations/listUpcoming.ts';
import { previewSchedule } from './operations/previewSchedule.ts';
import { PartCache } from './view/part-cache.ts';
import { TaskStore } from './store/task-store.ts';
import { updateTask } from './operations/updateTask.ts';
import { Upcoming } from './operations/upcoming.ts';
import type { Metrics } from './telemetry/metrics.ts';
import type { Tracing } from './telemetry/tracing.ts';

/** Share of `cacheBytes` for gzipped replies. A quarter is enough, because they are much smaller than cached tasks. */
const GZIP_SHARE = 1 / 4;

interface Dependencies {
  collections: Collections;
  auth: Auth;
  log: Logger;
  /** Memory for cached tasks and gzipped replies together, in bytes. */
  cacheBytes: number;
  now: () => Date;
  limits: Limits;
  database: DatabaseWatch;
  readiness: Readiness;
  rateLimits?: RateLimits;
  metrics?: Metrics;
  tracing?: Tracing;
  /** Origins whose pages may call the API. If undefined, only pages of the service's own origin may. */
  corsOrigins?: string[];
  /** Proxies whose X-Forwarded-For is trusted. If undefined, a caller's address is that of its connection. */
  trustProxy?: TrustProxy;
  /** Called after runTask has queued a run, so that the engine of this process starts the run without delay. */
  onQueued?: () => void;
  /** Returns the state of the engine in this process; undefined if the process executes no tasks. */
  engineState?: () => EngineState | undefined;
}

/** Composes the service: stores, handlers, and the chain of middleware that every request passes through. */
export function createApp(dependencies: Dependencies): Express {
  const { collections, auth, log, cacheBytes, now, limits, database, readiness } = dependencies;
  const { corsOrigins, engineState, metrics, onQueued, rateLimits, tracing, trustProxy } = dependencies;
  const spec = loadSpec();
  const tasks = new TaskStore(collections);
  const runs = new RunStore(collections);
  const accounts = new AccountStore(collections);
  const claims = new ClaimStore(collections);
  const queue = new QueueStore(collections);
  const engine = new EngineStore(collections);
  const cancels = new CancelStore(collections);
  const occurrences = new OccurrenceStore(collections);
  const keys = new KeyStore(collections, log);
  const upcoming = new Upcoming(log);
  const cache = new PartCache({ maxBytes: cacheBytes * (1 - GZIP_SHARE), now });
  const gzip = new GzipCache(cacheBytes * GZIP_SHARE);
  const replyBytes = new ByteBudget(limits.maxReplyBytes);
  const budget = new ReplyBudget(replyBytes, limits);

  metrics?.watchCache('keys', () => keys.stats());
  metrics?.watchCache('tasks', () => cache.stats());
  metrics?.watchCache('gzip', () => gzip.stats());

  const handlers = defineHandlers({
    listTasks: listTasks({ tasks, runs, cache, accounts, upcoming, replyBytes, now }),
    createTask: createTask({ tasks, claims, engine, runs, accounts, upcoming, log, now }),
    updateTask: updateTask({ tasks, engine, runs, queue, accounts, upcoming, log, now }),
    deleteTask: deleteTask({ tasks, runs, queue, log, now }),
    listRuns: listRuns({ runs, tasks }),
    recordRuns: recordRuns({ runs }),
    runTask: runTask({ tasks, runs, queue, engine, claims, onQueued, now }),
    cancelRun: cancelRun({ runs, queue, cancels, engine, now }),
    listOccurrences: listOccurrences({ occurrences, now }),
    listUpcoming: listUpcoming({ tasks, upcoming, now }),
    previewSchedule: previewSchedule({ upcoming, now }),
    getCaller: getCaller({ engine, now }),
    getLiveness: getLiveness(),
    getReadiness: getReadiness({ readiness, engineState }),
  });

  const errors = errorReplies({ log, database });
  const deadline = new Deadline(limits.operationTimeoutMs, errors);

  const app = express();
  app.disable('x-powered-by');
  if (trustProxy !== undefined) app.set('trust proxy', trustProxy);
  // json-body.ts handles ETag and 304. Express would answer some requests with 304 even without an ETag.
  app.disable('etag');
  Object.defineProperty(app.request, 'fresh', { get: () => false });
  // Express's own parser drops all parameters after the first 1,000. The limit for URLs already bounds their number.
  app.set('query parser', parseQuery);

  app.use(requestLog(log)); // assigns the request id; logs one line per request
  if (tracing) app.use(traceRequests(tracing)); // one OpenTelemetry span per request
  if (metrics) app.use(measure(metrics)); // counts and times requests for /metrics, which has its own port
  app.use(apiHeaders, strictTransport); // security headers, on every reply
  if (corsOrigins) app.use(crossOrigin(corsOrigins)); // CORS; answers preflights
  app.use(sizes(limits)); // 414 URL too long, 431 headers too large, 400 bad Host
  app.use(refuseExcess(spec.document)); // 503 too many connections
  if (auth === 'none') app.use(ownMachineUnlessOpen(spec.document)); // 403 request from another site's page
  app.use(page(auth)); // serves the page for people at /
  app.use(docs(spec)); // serves /docs, /llms.txt and the spec
  app.use(checkRoute); // 404 unknown path, 405 method not allowed
  app.use(checkAccept); // 406 client does not accept JSON
  if (rateLimits) app.use(['/api', MCP_PATH], limitAddresses(rateLimits)); // 429 too many requests from this address
  app.use(deadline.begin); // 503 no reply in time; the time limit starts here
  app.use(['/api', MCP_PATH], whenStarted(readiness)); // 503 the service is still starting
  app.use(credentials({ auth, keys, now, document: spec.document })); // 401 no valid key, 403 key lacks the right
  if (rateLimits) app.use(['/api', MCP_PATH], limitKeys(rateLimits)); // 429 too many requests with this key
  app.post(MCP_PATH, deadline.except(mcp(app, { limits, budget, load: () => import('./mcp/http.ts') }))); // serves MCP
  app.use(strictQuery(spec.document)); // 400 query parameter unknown, repeated or malformed
  app.use(deadline.inQueue(budget.admit, tooManyReplies)); // 503 replies to slow clients use up the memory for replies
  app.use(deadline.except(body(limits))); // 415 not JSON, 413 too large, 400 malformed; the deadline excludes the upload
  app.use(validation(spec.document)); // 400 request does not match the spec
  app.use('/health', notStored); // Cache-Control: no-store
  app.use(router(handlers, spec.document, { ...limits, gzip, budget })); // handler → store → view → bytes
  app.use(deadline.blame); // a database timeout that this busy process caused becomes 503 service_overloaded
  app.use(errors); // sends every error as an ErrorResponse of the spec
  return app;
}
