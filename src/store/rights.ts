import type { Right } from '../../generated/types.gen.ts';

/** Does not compile while a right of the spec is missing. */
const KNOWN: Record<Right, true> = { read: true, run: true, write: true };

/** Whether a value is a right that this version knows. */
export const isRight = (value: unknown): value is Right =>
  typeof value === 'string' && Object.hasOwn(KNOWN, value);

/** The rights of keys (openapi.yaml, Right). */
export const RIGHTS: readonly Right[] = Object.keys(KNOWN).filter(isRight);
