import { realpathSync } from 'node:fs';

/** Whether a module is the program that node runs, rather than imported by a test. */
export function isCommand(filename: string): boolean {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === filename;
}
