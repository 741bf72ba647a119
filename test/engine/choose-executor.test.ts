import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { readSettings } from '../../src/config/settings.ts';
import { chooseExecutor } from '../../src/engine/choose-executor.ts';

const WEBHOOK_SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const MODEL = { RUN_MODEL: 'small', OPENAI_BASE_URL: 'http://127.0.0.1:11434/v1' };

const choose = (environment: Record<string, string>) =>
  chooseExecutor(readSettings(environment).engine?.executor);

afterEach(() => {
  jest.resetModules();
  jest.dontMock('ai');
});

describe('settings', () => {
  test.each<[Record<string, string>, string | undefined]>([
    [{}, undefined],
    [{ OPENAI_API_KEY: 'key', AI_GATEWAY_API_KEY: 'key' }, undefined],
    [{ RUN_COMMAND: 'agent' }, 'command'],
    [{ RUN_URL: 'https://agent.example', RUN_URL_SECRET: WEBHOOK_SECRET }, 'url'],
    [{ RUN_CHAT_URL: 'https://chat.example', RUN_CHAT_KEY: 'key' }, 'chat'],
    [MODEL, 'model'],
  ])('%j choose the executor of the kind %s', async (environment, kind) => {
    expect((await choose(environment))?.kind).toBe(kind);
  });

  test('of a model fail with the names of missing packages', async () => {
    jest.doMock('ai', () => {
      throw Object.assign(new Error("Cannot find package 'ai'"), { code: 'ERR_MODULE_NOT_FOUND' });
    });
    await expect(choose(MODEL)).rejects.toThrow(
      'RUN_MODEL requires the packages ai and @ai-sdk/openai-compatible, which are not installed; ' +
        'run npm install ai@6 @ai-sdk/openai-compatible@2',
    );
  });

  test('of a model fail with the error of a broken package', async () => {
    jest.doMock('ai', () => {
      throw new Error('broken');
    });
    await expect(choose(MODEL)).rejects.toThrow('broken');
  });
});
