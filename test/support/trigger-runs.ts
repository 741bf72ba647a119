/** Runs in the shapes of Trigger.dev's API, made at random. */
import { RunStatus } from '@trigger.dev/core/v3/schemas';
import fc from 'fast-check';
import { uuid } from './builders.ts';
import { isObject, type JsonObject } from './json.ts';

/** As it goes over the wire: instants are texts, and what is undefined is left out. */
export const wire = (value: unknown): JsonObject => {
  const json: unknown = JSON.parse(JSON.stringify(value));
  if (!isObject(json)) throw new Error('Not an object.');
  return json;
};

const instant = fc
  .date({ min: new Date('2026-01-01'), max: new Date('2027-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());
/** Few instants, so that some reports of a run are equally old. */
const updatedAt = fc
  .integer({ min: 0, max: 3 })
  .map((hour) => new Date(Date.UTC(2026, 5, 1, hour)).toISOString());
const text = fc.string({ maxLength: 12 }).filter((value) => !value.includes('\0'));
const json = fc
  .jsonValue({ maxDepth: 2 })
  .filter((value) => !/\d{19}|_bsontype|\\u0000|\\ud/i.test(JSON.stringify(value)));
const amount = fc.double({ min: 0, max: 1e6, noNaN: true });
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const metadata = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), json, { maxKeys: 3 });
const failure = fc.record({
  message: text,
  name: optional(text),
  stackTrace: optional(text),
  causes: optional(fc.array(fc.record({ message: text, name: optional(text) }), { maxLength: 2 })),
});

const COMMON = {
  id: fc.constant('run_1'),
  status: fc.constantFrom(...RunStatus.options),
  taskIdentifier: fc.constant('customer-prompt-task'),
  idempotencyKey: optional(text),
  version: optional(text),
  isQueued: fc.boolean(),
  isExecuting: fc.boolean(),
  isWaiting: fc.boolean(),
  isCompleted: fc.boolean(),
  isSuccess: fc.boolean(),
  isFailed: fc.boolean(),
  isCancelled: fc.boolean(),
  isTest: fc.boolean(),
  createdAt: fc.constant('2026-01-01T00:00:00.000Z'),
  updatedAt,
  startedAt: optional(instant),
  finishedAt: optional(instant),
  delayedUntil: optional(instant),
  ttl: optional(fc.constant('1h')),
  expiredAt: optional(instant),
  tags: fc.array(text, { maxLength: 10 }),
  costInCents: amount,
  baseCostInCents: amount,
  durationMs: amount,
  metadata: optional(metadata),
  taskKind: optional(fc.constant('SCHEDULED')),
  region: optional(fc.constant('us-east-1')),
};
const DETAILED = {
  ...COMMON,
  depth: fc.nat(100),
  triggerFunction: fc.constantFrom('trigger', 'triggerAndWait', 'batchTrigger', 'batchTriggerAndWait'),
  batchId: optional(text),
};
/** A run as the server sends it, except for `attempts`. */
export const retrieved = fc.record({
  ...DETAILED,
  payload: optional(json),
  payloadPresignedUrl: optional(fc.webUrl()),
  output: optional(json),
  outputPresignedUrl: optional(fc.webUrl()),
  error: optional(failure),
  schedule: optional(
    fc.record({
      id: fc.constant('sched_1'),
      externalId: fc.constant(uuid(1)),
      deduplicationKey: optional(text),
      generator: fc.constant({ type: 'CRON', expression: '0 9 * * 4', description: 'At 09:00 on Thursday' }),
    }),
  ),
  relatedRuns: fc.record({
    root: optional(fc.record(DETAILED)),
    parent: optional(fc.record(DETAILED)),
    children: optional(fc.array(fc.record(DETAILED), { maxLength: 2 })),
  }),
  attemptCount: fc.nat(5),
});
/** An item of the server's listing. */
export const listed = fc.record({
  ...COMMON,
  env: fc.record({ id: text, name: text, user: optional(text) }),
});
