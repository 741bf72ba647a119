import type { CleanedEnv } from 'envalid';
import type { variables } from './variables.ts';

/** The executor with which this process executes tasks, and the settings of that executor. */
export type ExecutorSettings =
  | {
      kind: 'command';
      command: string;
      /** The complete environment of the command. */
      environment: NodeJS.Dict<string>;
    }
  | { kind: 'url'; url: string; secret: string }
  | { kind: 'chat'; url: string; key: string }
  | {
      kind: 'model';
      model: string;
      server: { baseUrl: string; apiKey: string | undefined } | { gatewayKey: string };
    };

/** Each of these settings chooses an engine, so only one of them may be set. */
const CHOICES = ['RUN_COMMAND', 'RUN_URL', 'RUN_CHAT_URL', 'RUN_MODEL', 'TRIGGER_TASK'] as const;
const COMMAND_VARIABLES = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'];

type Problem = string;

function modelOf(model: string, env: CleanedEnv<typeof variables>): ExecutorSettings | Problem {
  const { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: apiKey, AI_GATEWAY_API_KEY: gatewayKey } = env;
  if (baseUrl && gatewayKey) {
    return 'RUN_MODEL: OPENAI_BASE_URL and AI_GATEWAY_API_KEY are both set; set only one, which decides where prompts go';
  }
  if (baseUrl) return { kind: 'model', model, server: { baseUrl, apiKey } };
  if (gatewayKey) return { kind: 'model', model, server: { gatewayKey } };
  return 'RUN_MODEL requires OPENAI_BASE_URL or AI_GATEWAY_API_KEY';
}

/**
 * @param environment - all variables of this process; a command gets only some of them
 * @returns the settings, undefined if no executor is chosen, or an error message
 */
export function executorSettings(
  env: CleanedEnv<typeof variables>,
  environment: NodeJS.Dict<string>,
): ExecutorSettings | Problem | undefined {
  const { RUN_COMMAND, RUN_URL, RUN_CHAT_URL, RUN_MODEL } = env;
  const chosen = CHOICES.filter((name) => env[name] !== undefined);
  if (chosen.length > 1) return `${chosen.join(', ')}: only one of them can execute tasks; set one`;
  if (RUN_COMMAND) {
    const names = [...COMMAND_VARIABLES, ...(env.RUN_COMMAND_ENV ?? [])];
    const given = names.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    });
    return { kind: 'command', command: RUN_COMMAND, environment: Object.fromEntries(given) };
  }
  if (RUN_URL) {
    if (!env.RUN_URL_SECRET) return 'RUN_URL requires RUN_URL_SECRET, which signs the requests';
    return { kind: 'url', url: RUN_URL, secret: env.RUN_URL_SECRET };
  }
  if (RUN_CHAT_URL) {
    if (!env.RUN_CHAT_KEY) return 'RUN_CHAT_URL requires RUN_CHAT_KEY';
    return { kind: 'chat', url: RUN_CHAT_URL, key: env.RUN_CHAT_KEY };
  }
  return RUN_MODEL ? modelOf(RUN_MODEL, env) : undefined;
}
