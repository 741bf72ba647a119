import type { ExecutorSettings } from '../config/executor-settings.ts';
import { InvalidSettings } from '../config/settings.ts';
import { CommandExecutor } from './executors/command.ts';
import { chatExecutor, urlExecutor } from './executors/url.ts';
import type { Executor } from './port.ts';

/** @throws InvalidSettings if the optional packages of the model executor are not installed */
async function modelExecutor(settings: Extract<ExecutorSettings, { kind: 'model' }>): Promise<Executor> {
  try {
    const { ModelExecutor } = await import('./executors/model.ts');
    return new ModelExecutor(settings);
  } catch (error) {
    // The loader of ES modules sets the first code, the CommonJS loader the second.
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    throw new InvalidSettings([
      'RUN_MODEL requires the packages ai and @ai-sdk/openai-compatible, which are not installed; ' +
        'run npm install ai@6 @ai-sdk/openai-compatible@2',
    ]);
  }
}

/** @throws InvalidSettings if the executor needs optional packages that are not installed */
export async function chooseExecutor(settings: ExecutorSettings | undefined): Promise<Executor | undefined> {
  switch (settings?.kind) {
    case 'command':
      return new CommandExecutor(settings);
    case 'url':
      return urlExecutor(settings);
    case 'chat':
      return chatExecutor(settings);
    case 'model':
      return modelExecutor(settings);
    case undefined:
      return undefined;
  }
}
