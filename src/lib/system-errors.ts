import { getSystemErrorName } from 'node:util';

const FREE_THE_DISK = 'Free some space on this disk, or choose another disk.';
const GIVE_RIGHTS = 'Give the user of this process access, or choose another value.';
const OWN_ADDRESS = 'Use an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them.';
const RESOLVABLE = 'Use a name that resolves, or an address such as 127.0.0.1.';

/** What an operator can do about a system error, by its code. */
const HINTS: Readonly<Record<string, string>> = {
  EACCES: GIVE_RIGHTS,
  EADDRINUSE: 'Choose a free port, or stop the process that listens there.',
  EADDRNOTAVAIL: OWN_ADDRESS,
  EAFNOSUPPORT: OWN_ADDRESS,
  EAI_AGAIN: RESOLVABLE,
  EDQUOT: FREE_THE_DISK,
  EEXIST: 'A file with this name exists. Move it, or choose another name.',
  EINVAL: 'Use a value that this system supports.',
  EISDIR: 'This is a folder, not a file. Move it, or choose another name.',
  ELOOP: 'Its symbolic links form a loop. Choose a path without one.',
  ENAMETOOLONG: 'Choose a shorter path.',
  ENOENT: 'Check the path and the targets of its symbolic links.',
  ENOSPC: FREE_THE_DISK,
  ENOTDIR: 'A part of the path is a file, not a folder. Choose another path.',
  ENOTFOUND: RESOLVABLE,
  EPERM: GIVE_RIGHTS,
  EROFS: 'The file system is read-only. Choose a writable folder.',
};

const PORT_HINT = 'Choose a port of 1024 or higher, or allow this process to open lower ones.';

/** Returns the code of an error, e.g. ENOENT, or '' if the value has no code. */
export function systemCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

/** Returns the message of a thrown value, or the value as text if it has no message. */
export function reasonOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error);
}

/**
 * Returns the code of an error as a name, e.g. ENOSPC. LMDB's errors have the system's error number as their code. They
 * are recognized by the name "Error", because MongoDB's errors have numbers of another kind, and other names.
 */
function nameOfCode(error: object): string {
  const code = systemCode(error);
  return /^\d+$/.test(code) && 'name' in error && error.name === 'Error'
    ? getSystemErrorName(-Number(code))
    : code;
}

/** Describes a system error and its remedy in one line. Returns undefined for errors that an operator cannot fix. */
export function describeSystemError(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const code = nameOfCode(error);
  const isPort = code === 'EACCES' && 'port' in error && Number(error.port) > 0;
  const hint = isPort ? PORT_HINT : HINTS[code];
  return hint && `${reasonOf(error).split('\n', 1).join()}. ${hint}`;
}

/** Thrown for a setting or file that cannot be used. The message is one line: name, problem and remedy. */
export class Unusable extends Error {
  constructor(name: string, problem: string, cause?: unknown) {
    super(`${name}: ${problem}`, { cause });
    this.name = 'Unusable';
  }
}

/**
 * Runs work that depends on a setting or file.
 * @param name - name of the setting or file, with its value
 * @throws Unusable in place of a system error
 */
export async function depending<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const problem = describeSystemError(error);
    throw problem === undefined ? error : new Unusable(name, problem, error);
  }
}
