/** Numbers of free-form JSON: which come back digit by digit, which as doubles, and which are refused. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { serialize } from 'bson';
import fc, { type Arbitrary } from 'fast-check';
import { parseStrictly } from '../../../src/lib/strict-json.ts';
import { bsonToJson, fieldTable } from '../../../src/view/bson-to-json.ts';
import { addTasks } from '../../../src/samples/fill-database.ts';
import { run, task, uuid } from '../../support/builders.ts';
import { type Service, startService } from '../../support/service.ts';
import { countOf } from '../../support/count.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  await Promise.all([service.collections.tasks.deleteMany({}), service.collections.runs.deleteMany({})]);
  await service.collections.tasks.insertOne(task(1));
});

const settings = { numRuns: Number(process.env.PROPERTY_RUNS ?? 300), seed: 20_261_126 };
const overHttp = { numRuns: 40, seed: 20_261_126 };

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Integers of 64 bits, most of them around a power at which something changes. */
const integer = fc.oneof(
  fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
  fc
    .tuple(fc.constantFrom(31n, 32n, 53n, 54n, 62n), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(([power, offset, isNegative]) => (2n ** power + BigInt(offset)) * (isNegative ? -1n : 1n)),
  fc.integer({ min: 0, max: 2 }).map((offset) => INT64_MAX - BigInt(offset)),
  fc.integer({ min: 0, max: 2 }).map((offset) => INT64_MIN + BigInt(offset)),
);

/** A name that JavaScript keeps in its place among others; numbers would come first. */
const name = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'length', ''),
  fc.string().map((text) => `n${text.replaceAll('\0', '')}`),
);

/** A double as replies have it. */
function textOf(double: number): string {
  return Math.abs(double) > Number.MAX_SAFE_INTEGER ? double.toExponential() : String(double);
}

/** JSON texts without blanks, as JSON.stringify writes them, with integers of 64 bits. */
const { json } = fc.letrec<{ json: string; array: string; object: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: integer.map(String) },
    fc.oneof(fc.string(), fc.boolean(), fc.constant(null)).map((value) => JSON.stringify(value)),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(textOf),
    tie('array'),
    tie('object'),
  ),
  array: fc.array(tie('json'), { maxLength: 5 }).map((items) => `[${items.join()}]`),
  object: fc
    .uniqueArray(fc.tuple(name, tie('json')), { maxLength: 5, selector: ([key]) => key })
    .map((members) => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join()}}`),
}));
const texts: Arbitrary<string> = json.filter((text) => text.length < 10_000);

const VALUE = fieldTable({ value: 'value' });
const parse = (text: string): object => Object(parseStrictly(Buffer.from(text), 64));

async function put(fields: string, id = 'run_1') {
  const at = '2026-06-01T00:00:00.000Z';
  const body = `{"task_id":"${uuid(1)}","runs":[{"id":"${id}","status":"QUEUED","taskIdentifier":"t","createdAt":"${at}","updatedAt":"${at}",${fields}}]}`;
  const response = await service.request('/api/tasks/runs', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body,
  });
  return { status: response.status, text: await response.text() };
}
const get = async (path: string) => (await service.request(path)).text();

describe('integers of 64 bits', () => {
  test('are as exact as their digits, from JSON to BSON and back', () => {
    const property = fc.property(texts, (text) => {
      const value = parse(`{"value":${text}}`);
      expect(bsonToJson(serialize(value), VALUE).toString()).toBe(`{"value":${text}}`);
    });
    fc.assert(property, settings);
  });

  test('are numbers up to 2^53, as they were, and bigints beyond', () => {
    const property = fc.property(integer, (value) => {
      const isSafe = Number.isSafeInteger(Number(value));
      expect(parse(`[[],{"a":1,"b":[0,${value}]}]`)).toEqual([
        [],
        { a: 1, b: [0, isSafe ? Number(value) : value] },
      ]);
    });
    fc.assert(property, settings);
  });

  test('stand in every reply as they were reported', async () => {
    const property = fc.asyncProperty(texts, texts, async (payload, output) => {
      await service.collections.runs.deleteMany({});
      const fields = `"ttl":${payload},"metadata":{"m":${payload}},"payload":${payload},"output":${output},"schedule":{"s":${output}},"relatedRuns":{"r":${output}}`;
      expect(await put(fields)).toMatchObject({ status: 200, text: expect.stringContaining(fields) });
      // The same report again changes nothing.
      const [stored] = await service.collections.runs.find({}, { raw: true }).toArray();
      expect((await put(fields)).text).toContain(fields);
      expect(await service.collections.runs.find({}, { raw: true }).toArray()).toEqual([stored]);
      expect(await get('/api/tasks/runs?runId=run_1')).toContain(fields);
      expect(await get('/api/tasks/runs')).toContain(
        `"ttl":${payload},"metadata":{"m":${payload}},"schedule":{"s":${output}}`,
      );
      expect(await get('/api/tasks')).toContain(fields);
      expect(await get(`/api/tasks?id=${uuid(1)}&limit=1`)).toContain(fields);
    });
    await fc.assert(property, overHttp);
  });

  test('stand in a listing that is sent as it is read', async () => {
    await service.collections.tasks.insertMany(Array.from({ length: 1_001 }, (_, at) => task(at + 2)));
    await put('"output":{"post_id":154284075601887489}');
    expect(await get('/api/tasks')).toContain('"output":{"post_id":154284075601887489}');
  });

  test('are kept by the loader of sample data', async () => {
    const { id, ...rest } = run(1);
    const at = '2026-06-01T00:00:00.000Z';
    const runs = [
      { ...rest, id, task_id: uuid(1), createdAt: at, updatedAt: at, attempts: [], payload: 2n ** 60n + 1n },
    ];
    const wire = runs.map(
      ({ startedAt: _s, finishedAt: _f, delayedUntil: _d, expiredAt: _e, ...one }) => one,
    );
    await addTasks(service.collections, [{ task: task(1), runs: wire }]);
    expect(await get(`/api/tasks/runs?runId=${id}`)).toContain('"payload":1152921504606846977');
  });

  test('count by their digits towards the size of a run', async () => {
    const digits = Array.from({ length: 12_000 }, () => '-9223372036854775808').join();
    const least = await put(`"payload":[${digits}],"output":""`);
    expect(least.status).toBe(200);
    const size = 262_144 - (await sizeOf(digits));
    expect((await put(`"payload":[${digits}],"output":"${'x'.repeat(size)}"`)).status).toBe(200);
    const { status, text } = await put(`"payload":[${digits}],"output":"${'x'.repeat(size + 1)}"`);
    expect([status, text]).toEqual([413, expect.stringContaining('has 262,145 bytes')]);
  });

  async function sizeOf(digits: string): Promise<number> {
    const { text } = await put(`"payload":[${digits}],"output":"${'x'.repeat(100_000)}"`);
    const [, bytes = ''] = /has ([\d,]+) bytes/.exec(text) ?? [];
    return Number(bytes.replaceAll(',', '')) - 100_000;
  }
});

describe('other numbers', () => {
  test.each([
    ['1.0', '1'],
    ['-0', '0'],
    ['-0.0', '0'],
    ['0e5', '0'],
    ['0.000e-400', '0'],
    ['1e2', '100'],
    ['1E+2', '100'],
    ['0.1', '0.1'],
    ['0.1000000000000000055511151231257827', '0.1'],
    [`0.${'3'.repeat(400)}`, '0.3333333333333333'],
    ['9007199254740991', '9007199254740991'],
    ['9007199254740993.0', '9.007199254740992e+15'],
    ['1e18', '1e+18'],
    ['12345678901234567890.0', '1.2345678901234567e+19'],
    ['1.7976931348623157e308', '1.7976931348623157e+308'],
    ['5e-324', '5e-324'],
  ])('of which %s is a double and returns as %s', async (sent, returned) => {
    expect((await put(`"payload":[${sent}]`)).text).toContain(`"payload":[${returned}]`);
    expect((await put(`"payload":[${returned}]`)).text).toContain(`"payload":[${returned}]`);
  });

  test('return so that they can be sent back unchanged', () => {
    const property = fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = bsonToJson(serialize(parse(`{"value":${textOf(value)}}`)), VALUE).toString();
      expect(bsonToJson(serialize(parse(text)), VALUE).toString()).toBe(text);
    });
    fc.assert(property, settings);
  });

  test.each([
    ['1e400', 'is too large for a double, at most 1.7976931348623157e308: 1e400. Send it as a string.'],
    ['-1e400', 'is too large for a double, at most 1.7976931348623157e308: -1e400.'],
    [`${'9'.repeat(400)}.5`, 'is too large for a double'],
    ['1e-400', 'is too small for a double, at least 5e-324: 1e-400. Send it as a string.'],
    ['-0.1E-400', 'is too small for a double'],
    [`0.${'0'.repeat(400)}1`, 'is too small for a double'],
    [
      '9223372036854775808',
      'is an integer outside the 64-bit range, -9223372036854775808 to 9223372036854775807: 9223372036854775808.',
    ],
    [
      '-9223372036854775809',
      'is an integer outside the 64-bit range, -9223372036854775808 to 9223372036854775807',
    ],
    [
      '1'.repeat(1_000),
      `is an integer outside the 64-bit range, -9223372036854775808 to 9223372036854775807: ${'1'.repeat(40)}…. Send it as a string.`,
    ],
  ])('are refused by their place: %s', async (number, problem) => {
    const { status, text } = await put(`"payload":[0,{"a":{"n":[[],"x",${number}]}}]`);
    const { code, error } = JSON.parse(text);
    expect([status, code]).toEqual([400, 'invalid_body']);
    expect(error).toContain(`Field "runs.0.payload.1.a.n.2" ${problem}`);
    expect(await countOf(service.collections.runs)).toBe(0);
  });

  test.each([
    ['"durationMs":9007199254740993', '"runs.0.durationMs" must be a number from 0 to 1000000000000.'],
    ['"costInCents":-9223372036854775808', '"runs.0.costInCents" must be a number from 0 to 1000000000000.'],
    ['"depth":9007199254740993', '"runs.0.depth" must be an integer from 0 to 2147483647.'],
    ['"tags":[9007199254740993]', '"runs.0.tags.0" must be string.'],
    ['"metadata":9007199254740993', '"runs.0.metadata" must be object or null.'],
    ['"durationMs":1e-400', '"runs.0.durationMs" is too small'],
  ])('are refused where the schema says so: %s', async (field, problem) => {
    const { status, text } = await put(field);
    expect([status, JSON.parse(text).error]).toEqual([400, expect.stringContaining(problem)]);
  });

  test('are refused in bodies of other operations', async () => {
    const weekly = (title: string) =>
      `{"title":${title},"prompt":"p","schedule":"0 9 * * 4","account_id":"${uuid(1)}","artist_account_id":"${uuid(2)}"}`;
    const send = async (body: string) => {
      const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': 'k' };
      const response = await service.request('/api/tasks', { method: 'POST', headers, body });
      return [response.status, (await response.json()).error];
    };
    expect(await send(weekly('9007199254740993'))).toEqual([
      400,
      expect.stringContaining('"title" must be string'),
    ]);
    expect(await send(weekly('1e400'))).toEqual([400, expect.stringContaining('"title" is too large')]);
    expect(await send('9007199254740993')).toEqual([400, expect.stringContaining('must be object')]);
    expect(await send('1e400')).toEqual([400, expect.any(String)]);
  });

  test('do not hide a name that is given twice, nor change what is in strings', async () => {
    for (const value of ['"x"', '1', 'null', '[]', '{"b":1}']) {
      const text = `{"a":[{"__proto__":9007199254740993},[9007199254740993]],"a":${value}}`;
      expect(() => parse(text)).toThrow('repeats the name "a"');
    }
    expect(parse('{"a":"1e400, 9007199254740993 \\" -1e-400"}')).toEqual({
      a: '1e400, 9007199254740993 " -1e-400',
    });
  });
});
