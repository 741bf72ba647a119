import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { loadSpec } from '../../src/http/request/spec.ts';
import { loadSamplesIfEmpty } from '../../src/samples/load-samples.ts';
import { findChromium, launchChromium } from '../support/chromium.ts';
import { NOW, type Service, startService } from '../support/service.ts';

const executablePath = findChromium('the tests of the docs page in a browser');

let service: Service;
let browser: Browser;
/** What the console said of errors, and every request that left the page. */
const problems: string[] = [];
const requests: string[] = [];

async function open(colorScheme: 'light' | 'dark', fragment = ''): Promise<Page> {
  const page = await browser.newPage({ colorScheme });
  // On a busy machine the page needs more than Playwright's thirty seconds.
  page.setDefaultTimeout(90_000);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(`${service.url}/docs${fragment}`);
  await page.locator('#operations-Tasks-listTasks').waitFor();
  return page;
}

/** Relative luminance of a CSS colour (WCAG 2.2), 0 to 1. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The colour of an element's text, and of what is behind it; a mere tint counts as transparent. */
async function colorsOf(page: Page, selector: string): Promise<{ text: number; background: number }> {
  const colors: { text: string; background: string } = await page.evaluate(`(() => {
    const element = document.querySelector(${JSON.stringify(selector)});
    let behind = element;
    const of = (one) => getComputedStyle(one).backgroundColor;
    while (behind.parentElement && of(behind).startsWith('rgba')) behind = behind.parentElement;
    return { text: getComputedStyle(element).color, background: of(behind) };
  })()`);
  const background = colors.background.startsWith('rgba') ? 'rgb(255, 255, 255)' : colors.background;
  return { text: luminance(colors.text), background: luminance(background) };
}

(executablePath ? describe : describe.skip)('the docs page in a browser', () => {
  beforeAll(async () => {
    service = await startService();
    await loadSamplesIfEmpty(service.collections);
    browser = await launchChromium(executablePath);
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
  });
  beforeEach(() => {
    problems.length = 0;
    requests.length = 0;
  });

  test('one click lists the sample tasks, without an error in the console or a request to anybody else', async () => {
    const page = await open('light', '#/Tasks/listTasks');
    await page.locator('button.execute').click();
    const body = page.locator('.live-responses-table .response-col_description .microlight').first();
    await body.waitFor();
    expect(await page.locator('.live-responses-table .response-col_status').nth(1).innerText()).toContain(
      '200',
    );
    expect(await body.innerText()).toContain('"status": "success"');
    expect(await body.innerText()).toContain('"title": ');
    await page.locator('#model-Task, [id*="TasksResponse"], .models').first().click();
    expect(requests.filter((url) => !url.startsWith(service.url) && !url.startsWith('data:'))).toEqual([]);
    expect(problems).toEqual([]);
    await page.close();
  });

  test('the first screen has operations, and an opened one has its errors folded', async () => {
    const page = await open('light');
    await page.setViewportSize({ width: 1280, height: 800 });
    const bottomOf = async (selector: string) => {
      const box = await page.locator(selector).first().boundingBox();
      return box ? box.y + box.height : Infinity;
    };
    expect(await bottomOf('#operations-Runs-listRuns')).toBeLessThan(800);
    expect(await page.locator('.models.is-open').count()).toBe(0);

    const operation = page.locator('#operations-Tasks-listTasks');
    await operation.locator('.opblock-summary-control').click();
    await operation.locator('.execute').waitFor();
    const shown = operation.locator('.responses-table .response .response-col_status');
    expect(await shown.allInnerTexts()).toEqual(['200']);
    const errors = Object.keys(loadSpec().document.paths?.['/api/tasks']?.get?.responses ?? {}).slice(1);
    expect(await operation.locator('.folded-reply .response-col_status').allInnerTexts()).toEqual(errors);

    await operation.getByRole('button', { name: 'A query parameter is invalid' }).click();
    expect(await operation.locator('.folded-reply + .response').innerText()).toContain('"invalid_parameter"');
    expect(problems).toEqual([]);
    await page.close();
  });

  test('Authorize takes a key, which is sent, and is forgotten with the page unless the reader has it kept', async () => {
    const locked = await startService('required');
    const context = await browser.newContext();
    try {
      const { key } = await locked.keys.create({ name: 'reader', scope: 'admin' }, NOW);
      const page = await context.newPage();
      const visit = async () => {
        await page.goto(`${locked.url}/docs#/Tasks/listTasks`);
        await page.locator('#operations-Tasks-listTasks button.execute').waitFor();
      };
      const ask = async () => {
        const replied = page.waitForResponse((response) => response.url().includes('/api/tasks'));
        await page.locator('#operations-Tasks-listTasks button.execute').click();
        const hasText = String((await replied).status());
        // What the request before was told is on the page until this reply is shown.
        const status = page.locator('.live-responses-table .response-col_status').nth(1).filter({ hasText });
        await status.waitFor();
        return (await status.innerText()).trim();
      };
      const authorize = async (keep: boolean) => {
        await page.locator('.keep-key input').setChecked(keep);
        await page.locator('.auth-wrapper .authorize').click();
        const dialog = page.locator('.dialog-ux');
        await dialog.locator('input[type="text"], input[type="password"]').first().fill(key);
        await dialog.locator('.auth-btn-wrapper .authorize').first().click();
        await dialog.locator('.close-modal').click();
      };
      const kept = () => page.evaluate('JSON.stringify(localStorage)').then(String);

      await visit();
      expect(await ask()).toContain('401');
      await authorize(false);
      expect(await ask()).toContain('200');
      expect(await kept()).not.toContain(key);
      await page.reload();
      await visit();
      expect(await ask()).toContain('401');

      await authorize(true);
      expect(await kept()).toContain(key);
      await page.reload();
      await visit();
      expect(await ask()).toContain('200');
      await page.locator('.keep-key input').setChecked(false);
      expect(await kept()).not.toContain(key);
    } finally {
      await context.close();
      await locked.close();
    }
  });

  test('a wrong id shows the error of the service', async () => {
    const page = await open('light', '#/Tasks/listTasks');
    await page.locator('tr[data-param-name="id"] input').fill('not-a-uuid');
    await page.locator('button.execute').click();
    const body = page.locator('.live-responses-table .response-col_description .microlight').first();
    await body.waitFor();
    expect(await body.innerText()).toContain('"code": "invalid_parameter"');
    expect(await body.innerText()).toContain('Query parameter \\"id\\" must be');
    await page.close();
  });

  test('an example of the spec is filled in by a click, and finds its task', async () => {
    const page = await open('light', '#/Tasks/listTasks');
    const example = '5f0c1e9a-7d34-4c52-9b1e-0a6f2d8c4b11';
    await page.locator('tr[data-param-name="id"]').getByRole('button', { name: example }).click();
    await page.locator('button.execute').click();
    const body = page.locator('.live-responses-table .response-col_description .microlight').first();
    await body.waitFor();
    expect(await body.innerText()).toContain(`"id": "${example}"`);
    expect(problems).toEqual([]);
    await page.close();
  });

  test.each(['light', 'dark'] as const)(
    'the page is %s where the reader prefers it, and readable',
    async (scheme) => {
      const page = await open(scheme, '#/Tasks/listTasks');
      const texts = [
        '.info .title',
        '.info .renderedMarkdown p',
        '.opblock-description .renderedMarkdown p',
        '.parameter__name',
        '.opblock-summary-path',
      ];
      for (const selector of texts) {
        await page.locator(`.swagger-ui ${selector}`).first().waitFor({ timeout: 10_000 });
        const { text, background } = await colorsOf(page, `.swagger-ui ${selector}`);
        const contrast = (Math.max(text, background) + 0.05) / (Math.min(text, background) + 0.05);
        expect({ selector, isDark: background < 0.2 }).toEqual({ selector, isDark: scheme === 'dark' });
        expect({ selector, contrast: contrast >= 4.5 }).toEqual({ selector, contrast: true });
      }
      await page.close();
    },
  );
});
