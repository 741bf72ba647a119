import { realpathSync } from 'node:fs';

/** Whether the file is the program that Node runs, and not just a module that a test imports. */
export function isCommand(filename: string): boolean {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === filename;
}
