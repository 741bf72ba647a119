import type { FieldName } from './field-name.ts';
import type { RawValue } from './raw-bson.ts';

/** A query, checked and in one shape for the planner and the matcher. */
export type Filter = GroupFilter | FieldFilter;

export interface GroupFilter {
  readonly kind: '$and' | '$or';
  readonly filters: readonly Filter[];
}

export interface FieldFilter {
  readonly kind: 'field';
  readonly field: FieldName;
  readonly test: Test;
}

/** One operator applied to one field. */
export type Test =
  | { readonly operator: '$eq' | '$gt' | '$gte' | '$lt' | '$lte' | '$ne'; readonly value: RawValue }
  | { readonly operator: '$in' | '$nin'; readonly values: readonly RawValue[] }
  | { readonly operator: '$exists'; readonly wanted: boolean }
  | { readonly operator: '$regex'; readonly pattern: RegExp };
