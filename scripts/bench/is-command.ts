import { realpathSync } from 'node:fs';

/** Whether Node runs a module as the program, rather than a test importing it. */
export function isCommand(filename: string): boolean {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === filename;
}
