import { ApiError } from '../lib/errors.ts';
import type { EngineStore } from '../store/engine-store.ts';
import { TRIGGER_KIND, unsupportedFields } from '../store/trigger-fields.ts';

/** Returns the error if the live engine does not support a field of the body. */
export async function refusalOfFields(
  body: Parameters<typeof unsupportedFields>[0],
  { engine, now }: { engine: EngineStore; now: () => Date },
): Promise<ApiError | undefined> {
  const [first] = unsupportedFields(body);
  // Read the engine only if it matters.
  if (!first || (await engine.liveKind(now())) !== TRIGGER_KIND) return undefined;
  const { field, value, supported, behavior } = first;
  const advice = supported === undefined ? 'Omit the field' : `Send "${supported}" or omit the field`;
  return new ApiError(
    'not_supported',
    `Field "${field}" is ${JSON.stringify(value)}, but the engine is Trigger.dev, which ${behavior}. ${advice}. ` +
      'The engines of RUN_COMMAND, RUN_URL, RUN_CHAT_URL and RUN_MODEL support it.',
  );
}
