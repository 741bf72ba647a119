/** The page for people in a browser: what people do with it, and what they see when something fails. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { CommandExecutor } from '../../src/engine/executors/command.ts';
import { startLocalEngine } from '../../src/engine/local/local-engine.ts';
import { systemClock } from '../../src/engine/loop.ts';
import type { Engine } from '../../src/engine/port.ts';
import { loadSamplesIfEmpty } from '../../src/samples/load-samples.ts';
import { openDatabase } from '../../src/store/open-store.ts';
import { ACCOUNT, ARTIST, run, task, uuid } from '../support/builders.ts';
import { findChromium, launchChromium } from '../support/chromium.ts';
import { countOf } from '../support/count.ts';
import { isLong } from '../support/long.ts';
import { startProxy } from '../support/proxy.ts';
import { NOW, type Service, listenOn, startService } from '../support/service.ts';

const executablePath = findChromium('the tests of the page in a browser');
const AXE = readFileSync(createRequire(__filename).resolve('axe-core/axe.min.js'), 'utf8');
const MINUTE = 60_000;
const SEE_MS = 90_000;
/** Fewer in CI: the pages of thousands load one after the other. */
const MANY = isLong ? 5_000 : 1_500;
/** A text that would do harm as HTML. */
const HOSTILE = '<img src=x onerror="document.title = 1">';
let service: Service;
let engine: Engine;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** Errors and warnings in the console. */
const problems: string[] = [];
const foreign: string[] = [];

/** The prompt of a run that executes until it is canceled. */
const SLOW = 'Take your time';
const OUTPUT = JSON.stringify({
  captionText: HOSTILE,
  videoSourceUrl: 'javascript:alert(1)',
  imageUrl: 'https://media.example/1.png',
});
const executor = new CommandExecutor({
  command: `if grep -q '${SLOW}'; then exec sleep 600; else printf '%s' "$OUTPUT"; fi`,
  environment: { PATH: process.env.PATH, OUTPUT },
});

async function open(hash = '', url = service.url): Promise<void> {
  await page.goto(`${url}/${hash}`);
}

/** Waits for an element. Makes the page read again at once, as if it came online, so that no test waits for a poll. */
async function see(found: Locator): Promise<void> {
  // Earlier than the time limit of a test, whose error would not name the element.
  const latest = performance.now() + SEE_MS;
  while (!(await found.first().isVisible())) {
    if (performance.now() > latest) throw new Error(`The page does not show ${String(found)}.`);
    await page.evaluate("window.dispatchEvent(new Event('online'))");
    await pause(50);
  }
}

/** What axe finds in the view. */
async function violations(): Promise<string[]> {
  await page.evaluate(AXE);
  const found: { id: string; nodes: { html: string }[] }[] = await page.evaluate(
    'axe.run().then(({ violations }) => violations)',
  );
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

const button = (name: string) => page.getByRole('button', { name, exact: true });

(executablePath ? describe : describe.skip)('the page in a browser', () => {
  beforeAll(async () => {
    service = await startService();
    await loadSamplesIfEmpty(service.collections);
    engine = startLocalEngine({
      collections: service.collections,
      executor,
      log: pino({ level: 'silent' }),
      concurrency: 1,
      graceMs: 0,
      clock: { ...systemClock, now: () => service.clock.now },
    });
    browser = await launchChromium(executablePath);
  });
  afterAll(async () => {
    await browser.close();
    await engine.stop();
    await service.close();
  });
  beforeEach(async () => {
    problems.length = 0;
    foreign.length = 0;
    service.clock.now = NOW;
    context = await browser.newContext({
      timezoneId: 'Europe/Berlin',
      viewport: { width: 1_280, height: 800 },
    });
    page = await context.newPage();
    // On a busy machine the page needs more than Playwright's thirty seconds.
    page.setDefaultTimeout(90_000);
    await page.clock.setFixedTime(NOW);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (new URL(request.url()).hostname !== '127.0.0.1') foreign.push(request.url());
    });
  });
  afterEach(async () => {
    await context.close();
    expect(foreign).toEqual([]);
  });

  test('a task is created once, fires, runs, is paused and deleted, and harmless whatever it puts out', async () => {
    const title = 'Made in a browser';
    await open('#/new');
    await page.getByLabel('Title').fill(title);
    await page.getByLabel('Prompt').fill(HOSTILE);
    await page.getByLabel('Artist').fill(ARTIST);
    await page.getByLabel('Owner').fill(ACCOUNT);
    await page.getByLabel('Schedule').fill('* * * * *');
    await button('Create task').dblclick();
    await see(page.getByRole('heading', { name: title }));
    expect(await countOf(service.collections.tasks, { title })).toBe(1);

    service.clock.now = new Date(NOW.getTime() + MINUTE);
    engine.wake();
    await see(page.getByRole('link', { name: 'Completed' }));
    await page.getByRole('link', { name: 'Completed' }).first().click();
    await see(page.getByText(HOSTILE));
    expect(await page.locator('img, a[href^="javascript"]').count()).toBe(0);
    expect(await page.locator('a.out').getAttribute('rel')).toBe('noreferrer');

    await page.getByRole('link', { name: title }).click();
    await button('Run now').click();
    await see(page.locator('.item').nth(1));
    await button('Pause').click();
    await see(button('Resume'));
    await button('Delete').click();
    await button('Delete task').click();
    await see(page.locator('.row'));
    expect(await countOf(service.collections.tasks, { title })).toBe(0);
    expect(problems).toEqual([]);
  });

  test('a run is canceled while its command executes', async () => {
    const id = uuid(3);
    await service.tasks.insert([task(3, { prompt: SLOW })]);
    await open(`#/tasks/${id}`);
    await button('Run now').click();
    const running = page.getByRole('link', { name: 'Running', exact: true });
    await see(running);
    await running.click();
    await button('Cancel run').click();
    await see(page.getByText('The run was canceled while it executed.'));
    await see(page.locator('.heading').getByText('Canceled'));
    expect(await button('Cancel run').count()).toBe(0);
    expect(await countOf(service.collections.run_queue, { task_id: id })).toBe(0);
    expect(problems).toEqual([]);
    await service.collections.tasks.deleteOne({ _id: id });
  });

  test('a task whose title shows nothing is shown by its id', async () => {
    await service.tasks.insert([task(4, { title: ' \u200b' })]);
    await open();
    await see(page.getByRole('link', { name: uuid(4) }));
    await page.getByRole('link', { name: uuid(4) }).click();
    await see(page.getByRole('heading', { name: uuid(4) }));
    await service.collections.tasks.deleteOne({ _id: uuid(4) });
  });

  test('only runs that executed and finished have a duration', async () => {
    await service.tasks.insert([task(5)]);
    try {
      const executed = { startedAt: NOW, finishedAt: new Date(NOW.getTime() + MINUTE) };
      await service.runs.recordRuns(uuid(5), [
        run(1, { ...executed, durationMs: 900 }),
        run(2, { durationMs: MINUTE }),
        run(3, { status: 'QUEUED', durationMs: 0 }),
        run(4, { status: 'EXECUTING', startedAt: NOW, durationMs: 0 }),
        run(5, { status: 'CANCELED', finishedAt: NOW, durationMs: 0 }),
      ]);
      await open(`#/tasks/${uuid(5)}`);
      await see(page.locator('.item').nth(4));
      const bars = await page.locator('.bar').evaluateAll((all) => all.map((one) => one.ariaLabel));
      expect(bars.map((text) => text?.split('\n')[0]).toSorted()).toEqual([
        'Canceled',
        'Completed after 1 min',
        'Completed after 1 min',
        'Queued',
        'Running',
      ]);
      await see(page.locator('.figures').getByText('1 min'));
      expect(await page.locator('main').innerText()).not.toMatch(/\b0 ms/);
      expect(problems).toEqual([]);
    } finally {
      await service.collections.runs.deleteMany({ task_id: uuid(5) });
      await service.collections.tasks.deleteOne({ _id: uuid(5) });
    }
  });

  test.each(['#//', '#/%'])('the address %s, which no link makes, has no view', async (hash) => {
    await open(hash);
    await see(page.getByText('There is no such view'));
  });

  test('an error of the service stands at its field', async () => {
    await open('#/new');
    await page.getByLabel('Title').fill('Wrong');
    await page.getByLabel('Prompt').fill('p');
    await page.getByLabel('Artist').fill(ARTIST);
    await page.getByLabel('Owner').fill(ACCOUNT);
    await page.getByLabel('Schedule').fill('61 * * * *');
    await button('Create task').click();
    const field = page.locator('.field', { has: page.getByLabel('Schedule') });
    // The page's own check begins with other words.
    await see(field.getByRole('alert').filter({ hasText: /^This / }));
    expect(await page.getByLabel('Schedule').getAttribute('aria-invalid')).toBe('true');
  });

  test('by the page alone, one finds why the last task failed', async () => {
    await open();
    await page.getByText('Failing', { exact: true }).first().click();
    const why = page.locator('.row .why').first();
    await see(why);
    const reason = await why.innerText();
    await page.locator('.row').first().locator('.square').last().click();
    await see(page.locator('.failure').getByText(reason));
    expect(problems).toEqual([]);
  });

  test('the overview links to the run that failed last, which shows why, and when the task runs next', async () => {
    const failed = { status: { $in: ['FAILED', 'CRASHED', 'INTERRUPTED', 'SYSTEM_FAILURE'] as const } };
    const last = await service.collections.runs.findOne(failed, { sort: { createdAt: -1 } });
    await open();
    await see(page.locator('.latest'));
    await page.locator('.latest a').click();
    await see(page.locator('.failure').getByText(last?.error?.message ?? 'no failed run'));
    await see(page.locator('dt').getByText('Next run'));
    expect(problems).toEqual([]);
  });

  test('the week shows what fires at once', async () => {
    const both = [1, 2].map((number) => task(number, { schedule: '0 3 * * 6' }));
    await service.tasks.insert(both);
    try {
      await open('#/week');
      const saturday = page.locator('.card', { has: page.getByRole('heading', { name: 'Sat, Nov 28' }) });
      await see(saturday);
      const moment = saturday.getByRole('listitem').filter({ hasText: '04:00' });
      expect((await moment.innerText()).split('\n')).toEqual(['04:00', '2 at once', 'Task 1', 'Task 2']);
      const row = page.getByRole('row', { name: /Sat, Nov 28/ });
      expect(await row.getByRole('cell').nth(4).innerText()).toBe('2');
      expect(problems).toEqual([]);
    } finally {
      await service.collections.tasks.deleteMany({ _id: { $in: [uuid(1), uuid(2)] } });
    }
  });

  test('a wrong key is refused, and a key that may only read is offered no action', async () => {
    const now = () => service.clock.now;
    const locked = await listenOn(service.collections, now, 'required');
    try {
      const [{ account_id = '', title = '' } = {}] = await service.collections.tasks.find({}).toArray();
      const { key } = await service.keys.create(
        { name: 'reader', accountId: account_id, may: ['read'] },
        NOW,
      );
      await open('', locked.url);
      const enter = async (given: string) => {
        await page.getByLabel('API key').fill(given);
        await button('Continue').click();
      };
      await enter('wrong');
      await page
        .getByText('Unknown')
        .or(page.getByRole('alert').filter({ hasText: /\w/ }))
        .first()
        .waitFor();
      expect(await page.locator('.row').count()).toBe(0);
      expect(await violations()).toEqual([]);
      await enter(key);
      await see(page.getByRole('link', { name: title }));
      expect(await page.getByRole('link', { name: 'New task' }).count()).toBe(0);
      await page.getByRole('link', { name: title }).first().click();
      await see(page.getByRole('heading', { name: title }));
      expect(
        await page
          .locator('main')
          .getByRole('button', { name: /Run now|Pause|Resume|Delete/ })
          .count(),
      ).toBe(0);
      await button('Sign out').click();
      await page.getByLabel('API key').waitFor();
      expect(await page.evaluate('sessionStorage.length + localStorage.length')).toBe(0);
    } finally {
      await locked.close();
    }
  });

  test('tasks stay in view while the database fails or the connection is lost, and the page says so', async () => {
    const proxy = await startProxy(service.uri);
    const settings = { uri: proxy.uri, name: service.db.databaseName, dataDir: service.dataDir };
    const database = await openDatabase(settings, pino({ level: 'silent' }));
    const failing = await listenOn(database.collections, () => service.clock.now);
    try {
      await open('', failing.url);
      await see(page.locator('.row'));
      const banner = page.getByRole('status').filter({ hasText: /\w/ });
      proxy.cut();
      await see(banner.getByText('The database is unavailable'));
      expect(await page.locator('.row').count()).toBeGreaterThan(0);
      proxy.restore();
      const gone = async () => {
        while ((await banner.count()) > 0) {
          await page.evaluate("window.dispatchEvent(new Event('online'))");
          await pause(50);
        }
      };
      await gone();
      await context.setOffline(true);
      await see(banner.getByText('You are offline'));
      await context.setOffline(false);
      await gone();
      expect(problems.filter((problem) => !problem.startsWith('Failed to load resource'))).toEqual([]);
    } finally {
      await failing.close();
      await database.close();
      await proxy.close();
    }
  });

  test('every view is accessible, in both schemes and on narrow screens', async () => {
    const failed = await service.collections.runs.findOne({ status: 'FAILED' });
    const id = failed?.task_id ?? '';
    const views = {
      '#/': '.row',
      '#/week': '.density',
      [`#/tasks/${id}`]: '.timeline',
      [`#/runs/${failed?._id}`]: '.failure',
      '#/new': 'form',
      [`#/tasks/${id}/edit`]: 'form',
      '#/nowhere': '.empty',
    };
    const found: Record<string, string[]> = {};
    for (const [hash, sign] of Object.entries(views)) {
      await open(hash);
      await see(page.locator(sign));
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.setViewportSize({ width: colorScheme === 'dark' ? 360 : 1_280, height: 800 });
        found[`${hash} ${colorScheme}`] = await violations();
        expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
      }
    }
    expect(Object.entries(found).filter(([, { length }]) => length > 0)).toEqual([]);
    expect(problems).toEqual([]);
  });

  test('thousands of tasks scroll to the last, and only those in sight are in the document', async () => {
    const tasks = Array.from({ length: MANY }, (_, number) => task(number, { schedule: '*/30 * * * *' }));
    await service.tasks.insert(tasks);
    await open();
    const oldest = page.getByRole('link', { name: 'Task 0', exact: true });
    while ((await oldest.count()) === 0) {
      await page.evaluate('window.scrollTo(0, document.body.scrollHeight)');
      await pause(20);
    }
    expect(await page.locator('.row').count()).toBeLessThan(MANY / 3);
    await open('#/week');
    await see(page.getByText('The list ends at').first());
    expect(problems).toEqual([]);
  });
});
