import { lstatSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { InvalidSettings } from './settings.ts';
import { unknownNames } from './variables.ts';

const BYTE_ORDER_MARK = /^\uFEFF/;

function readEnvFile(): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync('.env', 'utf8').replace(BYTE_ORDER_MARK, ''));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    const isMissing = error.code === 'ENOENT' && !lstatSync('.env', { throwIfNoEntry: false });
    if (isMissing) return {};
    throw new InvalidSettings([`.env cannot be read: ${error.message}`]);
  }
}

/**
 * Adds the variables of `.env` in the working directory to `process.env`, where libraries such as OpenTelemetry's
 * exporters also read settings. Variables that are already set keep their values.
 * @returns `environment`: `process.env`; `unknown`: variables that look like settings of this service, but are not
 */
export function readEnvironment(): { environment: NodeJS.Dict<string>; unknown: string[] } {
  const file = readEnvFile();
  const unknown = unknownNames(file, process.env);
  for (const [name, value] of Object.entries(file)) process.env[name] ??= value;
  return { environment: process.env, unknown };
}
