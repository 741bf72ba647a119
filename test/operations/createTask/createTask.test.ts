import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createTask, listTasks } from '../../../generated/sdk.gen.ts';
import type { CreateTaskRequest } from '../../../generated/types.gen.ts';
import { ACCOUNT, ARTIST, OTHER_ACCOUNT } from '../../support/builders.ts';
import { NOW, type Service, startService } from '../../support/service.ts';
import { countOf } from '../../support/count.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
afterEach(() => service.collections.tasks.deleteMany({}));

const wanted = (fields: Partial<CreateTaskRequest> = {}): CreateTaskRequest => ({
  title: 'Thursday report',
  prompt: 'Write it.',
  schedule: '0 9 * * 4',
  account_id: ACCOUNT,
  artist_account_id: ARTIST,
  ...fields,
});

const create = (fields?: Partial<CreateTaskRequest>) =>
  createTask({ client: service.client, body: wanted(fields) });

/** The reply to a body as it stands, and how many tasks there are afterwards. */
async function post(body: string | Uint8Array, headers: Record<string, string> = {}) {
  const response = await service.request('/api/tasks', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : Buffer.from(body),
  });
  const { code, error } = await response.json();
  return { status: response.status, code, error, stored: await countOf(service.collections.tasks) };
}
const postFields = (fields: object) => post(JSON.stringify({ ...wanted(), ...fields }));

describe('a task that is created', () => {
  test('comes back whole, with an id of ours, its defaults and its next fire times', async () => {
    const { data, response } = await create();
    expect(response.status).toBe(200);
    expect(data?.tasks).toEqual([
      {
        ...wanted(),
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        enabled: true,
        trigger_schedule_id: null,
        recent_runs: [],
        upcoming: expect.arrayContaining(['2026-11-26T09:00:00.000Z']),
        owner_email: null,
        artist_name: null,
        model: null,
        created_at: NOW.toISOString(),
        updated_at: NOW.toISOString(),
      },
    ]);
    expect(data?.tasks[0]?.upcoming).toHaveLength(10);
  });

  test('is in the next listing, as it came back', async () => {
    const { data: created } = await create({ timezone: 'America/New_York', model: 'large', enabled: false });
    const { data: listed } = await listTasks({ client: service.client });
    expect(listed?.tasks).toEqual(created?.tasks);
    expect(listed?.tasks[0]).toMatchObject({ timezone: 'America/New_York', model: 'large', upcoming: [] });
  });

  test('has the e-mail address of its owner, where that is known', async () => {
    await service.collections.accounts.insertOne({ _id: ACCOUNT, email: 'mira@northlight.example' });
    const { data } = await create();
    expect(data?.tasks[0]?.owner_email).toBe('mira@northlight.example');
    await service.collections.accounts.deleteMany({});
  });

  test('has the name of its artist, if it is known', async () => {
    await service.collections.accounts.insertOne({ _id: ARTIST, name: 'Juno Vale' });
    const { data } = await create();
    expect(data?.tasks[0]?.artist_name).toBe('Juno Vale');
    await service.collections.accounts.deleteMany({});
  });

  test.each([
    ['accents and scripts', 'Ünïcødé 音楽 موسيقى'],
    ['astral characters and joiners', '👩🏽‍🎤 𝄞 🇮🇸'],
    ['combining marks, not normalised', 'e\u0301 \u212B'],
    ['control and invisible characters', '\u0001\u200b\ufeff\u202e\u007f\uffff'],
    ['what databases and prototypes know', '$where {"$ne":1} __proto__ constructor'],
    ['lines and blanks at the ends', '  two\r\nlines\t '],
  ])('keeps %s in its texts', async (_what, text) => {
    const { data } = await create({ title: text, prompt: text, model: text });
    const { data: listed } = await listTasks({
      client: service.client,
      query: { id: data?.tasks[0]?.id ?? '' },
    });
    expect(listed?.tasks[0]).toMatchObject({ title: text, prompt: text, model: text });
  });

  test('counts characters, not code units, of a text that is as long as it may be', async () => {
    expect((await create({ title: '😀'.repeat(200) })).response.status).toBe(200);
    expect((await create({ title: '😀'.repeat(201) })).error?.code).toBe('invalid_body');
  });

  test('belongs to an account whose id was sent in capitals', async () => {
    const account_id = 'ABCDEFAB-1111-4111-8111-111111111111';
    const { data } = await create({ account_id });
    expect(data?.tasks[0]?.account_id).toBe(account_id.toLowerCase());
  });
});

describe('a task that is created without account_id', () => {
  let keyed: Service;
  beforeAll(async () => {
    keyed = await startService('required');
  });
  afterAll(() => keyed.close());
  afterEach(() => keyed.collections.tasks.deleteMany({}));

  const { account_id: _none, ...ownerless } = wanted();
  const postTo = async (asked: Service, body: object, key?: string) => {
    const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': 'one' };
    const response = await asked.request('/api/tasks', {
      method: 'POST',
      headers: { ...headers, ...(key !== undefined && { 'x-api-key': key }) },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  };
  const error =
    'Field "account_id" is missing. With an admin key, it must name the account that will own the task.';

  test('by an admin key is refused, and the Idempotency-Key can be used again', async () => {
    const { key } = await keyed.keys.create({ name: 'admin', scope: 'admin' }, NOW);
    expect(await postTo(keyed, ownerless, key)).toMatchObject({
      status: 400,
      body: { code: 'invalid_body', error },
    });
    expect(await countOf(keyed.collections.tasks)).toBe(0);
    expect((await postTo(keyed, wanted(), key)).status).toBe(200);
  });

  test('without credentials is refused', async () => {
    expect(await postTo(service, ownerless)).toMatchObject({
      status: 400,
      body: { code: 'invalid_body', error },
    });
    expect(await countOf(service.collections.tasks)).toBe(0);
  });

  test("belongs to the key's account", async () => {
    const { key } = await keyed.keys.create({ name: 'account', accountId: OTHER_ACCOUNT }, NOW);
    const created = await postTo(keyed, ownerless, key);
    expect(created).toMatchObject({ status: 200, body: { tasks: [{ account_id: OTHER_ACCOUNT }] } });
    expect(await postTo(keyed, ownerless, key)).toEqual(created);
    // The Idempotency-Key belongs to the body as it was sent.
    expect((await postTo(keyed, { ...ownerless, account_id: OTHER_ACCOUNT }, key)).status).toBe(422);
    const stored = await keyed.collections.tasks.find().toArray();
    expect(stored.map((one) => one.account_id)).toEqual([OTHER_ACCOUNT]);
  });
});

describe('a schedule is refused, with the field that is wrong, when', () => {
  test.each([
    ['it has six fields', '0 0 9 * * 4', 'has 6 fields; it must have 5: minute, hour'],
    ['it has four fields', '00 09 * *', 'has 4 fields'],
    ['it is an abbreviation', '@every_day', 'has 1 fields'],
    ['the minute is 60', '60 9 * * 4', 'the minute "60"; it must be from 0 to 59'],
    ['the hour is 24', '0 24 * * *', 'the hour "24"; it must be from 0 to 23'],
    ['the day is 0', '0 9 0 * *', 'the day of month "0"; it must be from 1 to 31'],
    ['the month is 13', '0 9 1 13 *', 'the month "13"; it must be from 1 to 12, or JAN to DEC'],
    ['the weekday is 8', '0 9 * * 8', 'the day of week "8"; it must be from 0 to 7, or SUN to SAT'],
    ['the last day is asked for', '0 9 L * *', 'the day of month "L"'],
    ['a working day is asked for', '0 9 15W * *', 'the day of month "15W"'],
    ['the second Monday is asked for', '0 9 * * 1#2', 'the day of week "1#2"'],
    ['it has a question mark', '0 9 ? * 4', 'the day of month "?"'],
    ['it has a hash', 'H 9 * * 4', 'the minute "H"'],
    ['a step is 0', '*/0 * * * *', 'the step "*/0" for the minute'],
    ['a step is beyond the field', '*/90 * * * *', 'the step "*/90" for the minute; a step is /1 to /59'],
    ['a step follows a single value', '5/10 * * * *', '"5/10" for the minute; a step follows * or a range'],
    ['a range goes down', '0 17-9 * * *', 'the range "17-9" for the hour'],
    ['a list has a gap', '0,,30 * * * *', 'the minute ""'],
    ['a number has a sign', '+5 * * * * ', 'the minute "+5"'],
    ['no month has the day', '0 0 31 2,4,6 *', 'never fires'],
    ['30 February is asked for', '0 0 30 2 *', 'never fires'],
    ['it is words', 'every day at 9', 'has 4 fields; it must have 5: minute, hour'],
    ['it is five words', 'every day at 9 am', 'the minute "every"; it must be from 0 to 59'],
  ])('%s', async (_what, schedule, reason) => {
    const refused = await postFields({ schedule });
    expect(refused).toMatchObject({ status: 400, code: 'invalid_schedule', stored: 0 });
    expect(refused.error).toContain('Field "schedule"');
    expect(refused.error).toContain(reason);
    expect(refused.error).toContain('Example: "0 9 * * *" fires every day at 9:00.');
  });

  test.each([
    '* * * * *',
    '0 0 29 2 *',
    '0 0 30 2 1',
    '0 0 30 2 */2',
    '0 9 * * 0,7',
    '0 9 * * 1-5,3',
    '*/15,30 * * * *',
    '0 0 1 * *,1',
    '*/15 9-17 * JAN,jun MON-FRI',
    '0 9 * * 7',
    '0  9\t1-31/2 * *',
  ])('but not when it is %j', async (schedule) => {
    const { data } = await create({ schedule });
    expect(data?.tasks[0]?.schedule).toBe(schedule);
    expect(data?.tasks[0]?.upcoming).toHaveLength(10);
  });
});

test.each([
  ['Mars/Olympus', 'America/New_York'],
  ['+02:00', 'America/New_York'],
  ['local', 'America/New_York'],
  ['system', 'America/New_York'],
  ['Europe/Berlin ', 'Europe/Berlin'],
])('the time zone %j is refused', async (timezone, example) => {
  const refused = await postFields({ timezone });
  expect(refused).toMatchObject({ status: 400, code: 'invalid_timezone', stored: 0 });
  expect(refused.error).toContain(`such as ${example}`);
});

test.each([
  ['BST', 'such as Europe/London, Asia/Dhaka.'],
  ['IST', 'such as Asia/Kolkata, Europe/Dublin, Asia/Jerusalem.'],
  ['ACT', 'such as Australia/Darwin.'],
  ['ECT', 'such as Europe/Paris.'],
  ['pst', 'such as Asia/Manila, America/Los_Angeles, America/Vancouver.'],
  ['Europe/Berlim', 'such as Europe/Berlin.'],
])('the time zone %j is refused, with the nearest right names', async (timezone, nearest) => {
  const refused = await postFields({ timezone });
  expect(refused).toMatchObject({ status: 400, code: 'invalid_timezone', stored: 0 });
  expect(refused.error).toContain(`Field "timezone"`);
  expect(refused.error).toContain(nearest);
});

test.each([
  'UTC',
  'Etc/GMT+5',
  'EST',
  'EST5EDT',
  'Asia/Kolkata',
  'Europe/Kyiv',
  'europe/berlin',
  'US/PACIFIC',
])('the time zone %j is accepted, and kept as it was sent', async (timezone) => {
  const { data } = await create({ timezone });
  expect(data?.tasks[0]?.timezone).toBe(timezone);
  expect(data?.tasks[0]?.upcoming).toHaveLength(10);
});

describe('a body is refused, and nothing is stored, when', () => {
  const good = JSON.stringify(wanted());
  test.each([
    ['a field is missing', { prompt: undefined }, 'Field "prompt" is missing'],
    ['a field is unknown', { titel: 'x' }, 'Field "titel" is unknown. Allowed fields: title, prompt'],
    ['the id is set by the caller', { id: ACCOUNT }, 'Field "id" is unknown'],
    ['a read-only field is set', { owner_email: 'x@example.com' }, 'Field "owner_email" is unknown'],
    ['the instant of creation is set', { created_at: '2026-01-01T00:00:00Z' }, '"created_at" is unknown'],
    ['the name of the artist is set', { artist_name: 'Juno' }, 'Field "artist_name" is unknown'],
    ['a field of the store is set', { version: 7 }, 'Field "version" is unknown'],
    ['runs are set', { recent_runs: [] }, 'Field "recent_runs" is unknown'],
    ['a text is a number', { title: 5 }, 'Field "title" must be string'],
    ['a text is an operator', { title: { $ne: '' } }, 'Field "title" must be string'],
    ['a text is null', { prompt: null }, 'Field "prompt" must be string'],
    ['a text is empty', { title: '' }, 'Field "title"'],
    ['a text is too long', { title: 'x'.repeat(201) }, 'Field "title" must have at most 200 characters'],
    ['a text has a NUL', { prompt: 'a\0b' }, 'Field "prompt" must not contain NUL'],
    [
      'a text has half a character',
      { prompt: '\ud83d' },
      'Field "prompt" must not contain NUL characters or unpaired',
    ],
    ['an id is no UUID', { account_id: 'x'.repeat(36) }, 'Field "account_id" must be a UUID'],
    ['enabled is a text', { enabled: 'true' }, 'Field "enabled" must be boolean'],
  ])('%s', async (_what, fields, message) => {
    const refused = await postFields(fields);
    expect(refused).toMatchObject({ status: 400, code: 'invalid_body', stored: 0 });
    expect(refused.error).toContain(message);
  });

  test.each([
    ['it is empty', '', 'The body is empty'],
    ['it ends too early', good.slice(0, -1), 'not valid JSON'],
    ['it has a comment', `/* */${good}`, 'not valid JSON'],
    ['a name is given twice', good.replace('{', '{"title":"other",'), 'repeats the name "title"'],
    [
      'a name is given twice in other letters',
      good.replace('{', '{"\\u0074itle":"other",'),
      'repeats the name "title"',
    ],
    ['a name is given twice deep inside', '{"a":[{"b":{"c":1,"c":2}}]}', 'repeats the name "c"'],
    ['it is nested deeply', '{"a":'.repeat(65) + '1' + '}'.repeat(65), 'nested more than 64 levels'],
    [
      'it is nested more deeply than a stack is',
      '['.repeat(100_000) + ']'.repeat(100_000),
      'nested more than',
    ],
    // What is invalid as well shows that nothing was made of it before the brackets were counted.
    ['it is brackets that nothing closes', '['.repeat(65), 'nested more than 64 levels'],
    ['its brackets begin behind a string', `["\\"",${'['.repeat(64)}`, 'nested more than 64 levels'],
    ['a string of it that has brackets does not end', `["\\"${'['.repeat(65)}`, 'not valid JSON'],
    ['it ends amid an escape', '["\\', 'not valid JSON'],
    ['it closes more than it opens', `${']'.repeat(65)}${'['.repeat(65)}`, 'not valid JSON'],
    ['it is not UTF-8', Buffer.from('7b22ff223a317d', 'hex'), 'UTF-8'],
  ])('%s', async (_what, body, message) => {
    const refused = await post(body);
    expect(refused).toMatchObject({ status: 400, code: 'malformed_body', stored: 0 });
    expect(refused.error).toContain(message);
  });

  test('brackets in a text are no levels', async () => {
    const prompt = '\\"[{'.repeat(100);
    const reply = await post(JSON.stringify({ ...JSON.parse(good), prompt }));
    expect(reply).toMatchObject({ status: 200, stored: 1 });
  });

  test.each([
    ['is a form', 'application/x-www-form-urlencoded'],
    ['is text', 'text/plain'],
    ['is JSON in another encoding', 'application/json; charset=utf-16'],
    ['is a patch', 'application/merge-patch+json'],
  ])('its content type %s', async (_what, type) => {
    const refused = await post(good, { 'Content-Type': type });
    expect(refused).toMatchObject({ status: 415, code: 'unsupported_media_type', stored: 0 });
    expect(refused.error).toContain('Content-Type: application/json');
  });

  test('it has no content type', async () => {
    const response = await service.request('/api/tasks', { method: 'POST', body: Buffer.from(good) });
    expect(response.status).toBe(415);
  });

  test('it is larger than 1 MiB, with or without a length', async () => {
    expect(await post(`"${'x'.repeat(1_048_576)}"`)).toMatchObject({
      status: 413,
      code: 'body_too_large',
      stored: 0,
    });
  });

  test('it is compressed in a way that node does not know', async () => {
    expect(await post(good, { 'Content-Encoding': 'compress' })).toMatchObject({ status: 415, stored: 0 });
  });

  test('there is a query parameter', async () => {
    const response = await service.request('/api/tasks?title=x', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: good,
    });
    expect((await response.json()).code).toBe('unknown_parameter');
  });

  test('but not when names repeat in different objects, or in texts', async () => {
    const title = '{"title":1,"title":2}';
    expect((await create({ title })).data?.tasks[0]?.title).toBe(title);
  });
});

test('a listing may be asked for with a content type, though it has no body', async () => {
  const response = await service.request('/api/tasks', { headers: { 'Content-Type': 'application/json' } });
  expect(response.status).toBe(200);
});
