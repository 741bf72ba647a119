import type { Right } from '../../generated/types.gen.ts';

/** Fails to compile if a right in the spec is missing. */
const KNOWN: Record<Right, true> = { read: true, run: true, write: true };

/** Whether this version knows the right. */
export const isRight = (value: unknown): value is Right =>
  typeof value === 'string' && Object.hasOwn(KNOWN, value);

/** All rights that a key can have (openapi.yaml, Right). */
export const RIGHTS: readonly Right[] = Object.keys(KNOWN).filter(isRight);
