/**
 * The published reference of GET /api/tasks that this service was asked to implement, as facts: whatever else is added
 * to openapi.yaml, none of these may go or change its type. Not derived from anything: that is its use.
 */
import { describe, expect, test } from '@jest/globals';
import { loadSpec } from '../../src/http/request/spec.ts';
import { at, isObject } from '../support/json.ts';
import { resolve } from '../support/schema-values.ts';

const { document } = loadSpec();
const operation = at(document, 'paths', '/api/tasks', 'get');

const ERROR = { message: 'string', name: 'string', stackTrace: 'string' };
/** What `output` of a content run has; any other JSON value is an output too. */
const CONTENT_OUTPUT = {
  videoSourceUrl: 'string',
  imageUrl: 'string',
  captionText: 'string',
  template: 'string',
  lipsync: 'boolean',
  audio: {
    songTitle: 'string',
    songFilename: 'string',
    startSeconds: 'number',
    durationSeconds: 'number',
    clipLyrics: 'string',
    clipMood: 'string',
  },
};
const RUN = {
  id: 'string',
  status: 'string',
  taskIdentifier: 'string',
  triggerFunction: 'string',
  createdAt: 'date-time',
  updatedAt: 'date-time',
  idempotencyKey: 'string?',
  version: 'string',
  isTest: 'boolean',
  startedAt: 'date-time?',
  finishedAt: 'date-time?',
  delayedUntil: 'date-time?',
  ttl: 'anything',
  expiredAt: 'date-time?',
  tags: ['string'],
  metadata: 'object?',
  costInCents: 'number',
  baseCostInCents: 'number',
  durationMs: 'number',
  env: { id: 'string', name: 'string', user: 'string?' },
  depth: 'integer',
  batchId: 'string?',
  payload: 'anything',
  output: 'anything',
  error: ERROR,
  attempts: [
    {
      id: 'string',
      status: 'string',
      createdAt: 'date-time',
      updatedAt: 'date-time',
      startedAt: 'date-time?',
      completedAt: 'date-time?',
      error: ERROR,
    },
  ],
  schedule: 'object?',
  relatedRuns: 'object?',
};
const REPLY = {
  status: 'string',
  tasks: [
    {
      id: 'uuid',
      title: 'string',
      prompt: 'string',
      schedule: 'string',
      account_id: 'uuid',
      artist_account_id: 'uuid',
      enabled: 'boolean?',
      trigger_schedule_id: 'string?',
      recent_runs: [RUN],
      upcoming: ['date-time'],
      owner_email: 'string?',
      model: 'string?',
    },
  ],
  error: 'string',
};
const ENUMS: [place: string[], values: string[]][] = [
  [
    ['TasksResponse', 'properties', 'status'],
    ['success', 'error'],
  ],
  [
    ['RunStatus'],
    'PENDING_VERSION DELAYED QUEUED EXECUTING REATTEMPTING FROZEN COMPLETED CANCELED FAILED CRASHED INTERRUPTED SYSTEM_FAILURE'.split(
      ' ',
    ),
  ],
  [
    ['Run', 'properties', 'triggerFunction'],
    ['trigger', 'triggerAndWait', 'batchTrigger', 'batchTriggerAndWait'],
  ],
  [
    ['RunAttempt', 'properties', 'status'],
    ['PENDING', 'EXECUTING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELED'],
  ],
  [
    ['ContentOutput', 'properties', 'template'],
    [
      'artist-caption-bedroom',
      'artist-caption-outside',
      'artist-caption-stage',
      'album-record-store',
      'artist-release-editorial',
    ],
  ],
];

/** What a schema allows, in the notation above. */
function shapeOf(schema: unknown): unknown {
  const reference = at(schema, '$ref');
  if (typeof reference === 'string') return shapeOf(at(document, ...reference.slice(2).split('/')));
  const alternative = at(schema, 'oneOf') ?? at(schema, 'anyOf');
  if (Array.isArray(alternative)) return shapeOf(alternative[0]);
  const declared = at(schema, 'type');
  const types = [declared].flat();
  const mark = types.includes('null') ? '?' : '';
  const properties = at(schema, 'properties');
  if (isObject(properties)) {
    return Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, shapeOf(inner)]));
  }
  if (declared === 'array') return [shapeOf(at(schema, 'items'))];
  const format = at(schema, 'format');
  const name = format === 'uuid' || format === 'date-time' ? format : (types[0] ?? 'anything');
  return `${String(name)}${mark}`;
}

describe('the published reference still holds in openapi.yaml', () => {
  test('for the query parameters', () => {
    const listed = at(operation, 'parameters');
    const parameters = Array.isArray(listed) ? listed.map((parameter) => resolve(document, parameter)) : [];
    for (const name of ['id', 'account_id', 'artist_account_id']) {
      expect(parameters).toContainEqual(
        expect.objectContaining({ name, in: 'query', schema: expect.objectContaining({ format: 'uuid' }) }),
      );
    }
    expect(parameters.filter((parameter) => at(parameter, 'required'))).toEqual([]);
  });

  test('for every field of the reply and its type', () => {
    const schema = at(operation, 'responses', '200', 'content', 'application/json', 'schema');
    expect(shapeOf(schema)).toMatchObject(REPLY);
  });

  test.each([
    ['TasksResponse', ['status', 'tasks']],
    ['Run', ['id', 'status', 'taskIdentifier', 'createdAt', 'updatedAt']],
  ])('for what %s always has', (schema, fields) => {
    expect(at(document, 'components', 'schemas', schema, 'required')).toEqual(expect.arrayContaining(fields));
  });

  test.each(ENUMS)('for the values of %j', (place, values) => {
    expect(at(document, 'components', 'schemas', ...place, 'enum')).toEqual(expect.arrayContaining(values));
  });

  test('for the output of a content run', () => {
    expect(shapeOf(at(document, 'components', 'schemas', 'ContentOutput'))).toMatchObject(CONTENT_OUTPUT);
    const output = at(document, 'components', 'schemas', 'Run', 'properties', 'output', 'description');
    expect(output).toContain('ContentOutput');
  });

  test('for the limits: five runs, ten fire times', () => {
    const task = at(document, 'components', 'schemas', 'Task', 'properties');
    expect([at(task, 'recent_runs', 'maxItems'), at(task, 'upcoming', 'maxItems')]).toEqual([5, 10]);
  });
});
