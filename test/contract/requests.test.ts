/**
 * Every operation of the spec accepts the requests that its schemas allow, and refuses each of them with any single fault
 * by a documented 4xx. Replies pass through the contract's checker as in all tests, so that none may be a 5xx.
 * PROPERTY_SEED repeats a failure (fast-check prints the seed), PROPERTY_RUNS looks further.
 */
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { routes } from '../../generated/express.gen.ts';
import { loadSpec } from '../../src/http/request/spec.ts';
import { task } from '../support/builders.ts';
import { liveEngine } from '../support/queue.ts';
import { faultsOf, operationOf, send, validRequest } from '../support/requests.ts';
import { valueOf, wrongValues } from '../support/schema-values.ts';
import { type Service, startService } from '../support/service.ts';

/** Each run sends requests to every operation, so fewer than a pure property needs. */
const RUNS = Math.ceil(Number(process.env.PROPERTY_RUNS ?? 100) * 0.3);
const settings = { numRuns: RUNS, seed: Number(process.env.PROPERTY_SEED ?? 20_261_124) };
/** Each kind of fault is tried less often than valid requests: there are many kinds. */
const ofFaults = { ...settings, numRuns: Math.ceil(RUNS / 10) };
/** A body that is too large has nine megabytes, and is the same each time. */
const TOO_LARGE = 413;
const ofLargeBodies = { ...settings, numRuns: Math.ceil(RUNS / 100) };
const TIMEOUT_MS = 300_000;

let service: Service;
beforeAll(async () => {
  service = await startService();
  await service.collections.tasks.insertMany(Array.from({ length: 5 }, (_, number) => task(number)));
  await liveEngine(service.collections);
});
afterAll(() => service.close());

/** Without an account of its own, the service without credentials asks for the owner, as the schema cannot. */
const lacksOwner = (id: string, body: unknown) => id === 'createTask' && !('account_id' in Object(body));

describe.each(Object.entries(routes))('%s', (id, { method, path }) => {
  const operation = operationOf(loadSpec().document, method, path);

  test(
    'accepts what its schemas allow',
    async () => {
      const property = fc.asyncProperty(validRequest(operation), async (request) => {
        // Ten runs that wait would exclude others.
        await service.collections.run_queue.deleteMany({});
        const { status } = await send(service.request, request);
        // What is asked for need not exist.
        expect(lacksOwner(id, request.body) ? [400] : [200, 404]).toContain(status);
      });
      await fc.assert(property, settings);
    },
    TIMEOUT_MS,
  );

  test.each(faultsOf(operation).map((fault) => [fault.what, fault] as const))(
    'refuses it when %s',
    async (_what, { put, expected }) => {
      const faulty = validRequest(operation).chain(put);
      const property = fc.asyncProperty(faulty, async (request) => {
        const { status } = await send(service.request, request);
        expect(expected).toContain(status);
      });
      await fc.assert(property, expected.includes(TOO_LARGE) ? ofLargeBodies : ofFaults);
    },
    TIMEOUT_MS,
  );
});

/** The makers of requests themselves, on an operation that has everything. */
describe('of an operation with a body', () => {
  const Item = {
    type: 'object',
    additionalProperties: false,
    required: ['id', 'title'],
    properties: {
      id: { type: 'string', format: 'uuid' },
      title: { type: 'string', minLength: 1, maxLength: 20 },
      count: { type: 'integer', minimum: 1, maximum: 9 },
      share: { type: 'number', minimum: 0, maximum: 1 },
      enabled: { type: ['boolean', 'null'] },
      at: { type: 'string', format: 'date-time' },
      kind: { type: 'string', enum: ['a', 'b'] },
      tags: { type: 'array', maxItems: 3, items: { type: 'string', pattern: '^[a-z]+$', maxLength: 5 } },
    },
  };
  const document = {
    paths: { '/x': { post: { requestBody: { content: { 'application/json': { schema: Item } } } } } },
  };
  const operation = operationOf(document, 'post', '/x');
  const validate = addFormats.default(new Ajv2020.default()).compile(Item);

  test('valid bodies are valid', () => {
    fc.assert(
      fc.property(validRequest(operation), ({ body }) => {
        validate(body);
        expect(validate.errors).toBeNull();
      }),
      settings,
    );
  });

  test('each fault in a field makes the body invalid, and its name says which', () => {
    const faults = faultsOf(operation).filter(({ what }) => what.startsWith('the body has'));
    const names = faults.map(({ what }) => what);
    expect(names).toEqual(
      expect.arrayContaining([
        'the body has no title',
        'the body has a title that is too long',
        'the body has a count that is beyond its maximum',
        'the body has a kind that is not in the list',
        'the body has a at that is no instant',
        'the body has a field that is not known',
      ]),
    );
    expect(names).not.toContain('the body has a enabled that is null');
    for (const { what, put } of faults) {
      fc.assert(
        fc.property(validRequest(operation).chain(put), ({ body }) => {
          expect([what, validate(body)]).toEqual([what, false]);
        }),
        ofFaults,
      );
    }
  });

  test('faults of the content type, the encoding and the syntax are among them', () => {
    const names = faultsOf(operation).map(({ what }) => what);
    expect(names).toEqual(
      expect.arrayContaining([
        'the content type is text',
        'the body is no UTF-8',
        'the body is broken JSON',
        'the body is null',
      ]),
    );
  });

  test('values and wrong values of a schema never meet', () => {
    for (const [name, schema] of Object.entries(Item.properties)) {
      const check = new Ajv2020.default();
      const fits = addFormats.default(check).compile(schema);
      for (const [what, value] of wrongValues(document, schema))
        expect([name, what, fits(value)]).toEqual([name, what, false]);
      fc.assert(
        fc.property(valueOf(document, schema), (value) => {
          expect([name, fits(value)]).toEqual([name, true]);
        }),
        ofFaults,
      );
    }
  });
});
