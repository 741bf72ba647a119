import { ApiError } from '../lib/errors.ts';
import type { EngineStore } from '../store/engine-store.ts';
import { TRIGGER_KIND, unsupportedFields } from '../store/trigger-fields.ts';

/**
 * Returns the error for the first field of the body that the live engine does not support; undefined if there is none.
 */
export async function refusalOfFields(
  body: Parameters<typeof unsupportedFields>[0],
  { engine, now }: { engine: EngineStore; now: () => Date },
): Promise<ApiError | undefined> {
  const [first] = unsupportedFields(body);
  // Query the engine's kind only if the answer matters.
  if (!first || (await engine.liveKind(now())) !== TRIGGER_KIND) return undefined;
  const { field, value, supported, behavior } = first;
  const advice = supported === undefined ? 'Omit the field' : `Send "${supported}" or omit the field`;
  return new ApiError(
    'not_supported',
    `Field "${field}" is ${JSON.stringify(value)}, but the engine is Trigger.dev, which ${behavior}. ${advice}. ` +
      'The engines of RUN_COMMAND, RUN_URL, RUN_CHAT_URL and RUN_MODEL support it.',
  );
}
