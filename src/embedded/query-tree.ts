import type { Path } from './paths.ts';
import type { RawValue } from './raw-bson.ts';

/** A query, checked and in one shape for the planner and the matcher. */
export type Filter = GroupFilter | FieldFilter;

export interface GroupFilter {
  readonly kind: '$and' | '$or' | '$nor';
  readonly filters: readonly Filter[];
}

export interface FieldFilter {
  readonly kind: 'field';
  readonly path: Path;
  readonly test: Test;
}

/** One operator applied to one path. */
export type Test =
  | { readonly operator: '$eq' | '$gt' | '$gte' | '$lt' | '$lte' | '$ne'; readonly value: RawValue }
  | {
      readonly operator: '$in' | '$nin';
      readonly values: readonly RawValue[];
      readonly patterns: readonly RegExp[];
    }
  | { readonly operator: '$all'; readonly tests: readonly Test[] }
  | { readonly operator: '$not'; readonly tests: readonly Test[] }
  | { readonly operator: '$exists'; readonly wanted: boolean }
  | { readonly operator: '$type'; readonly types: ReadonlySet<number> }
  | { readonly operator: '$regex'; readonly pattern: RegExp; readonly source: RawValue }
  | { readonly operator: '$mod'; readonly divisor: number; readonly remainder: number }
  | { readonly operator: '$size'; readonly size: number }
  | { readonly operator: '$elemMatch'; readonly filter?: GroupFilter; readonly tests?: readonly Test[] };
