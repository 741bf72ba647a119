import { Context } from 'mingo/core';
import { $and, $nor, $or } from 'mingo/operators/query/logical';
import { Query } from 'mingo/query';
import type { Filter, GroupFilter } from './filter.ts';
import { compileField } from './leaf-operators.ts';
import { RawValue } from './raw-bson.ts';

/**
 * The only module that knows mingo. mingo evaluates the tree of a query; the operators on fields are ours, because
 * mingo's differ from MongoDB on BSON: Long, Decimal128 and ObjectId compare wrongly, {$gte: null} misses absent
 * fields, embedded documents compare without regard to field order, `__proto__` is refused. Its update operators
 * cannot be replaced one by one and have the same faults, so updates do not go through it at all.
 */
class Leaf {
  readonly test: (document: RawValue) => boolean;

  constructor(test: (document: RawValue) => boolean) {
    this.test = test;
  }
}

const context = Context.init({ query: { $and, $or, $nor, $leaf: compileLeaf } });

/** mingo hands an operator its operand, which here is always a Leaf, and each document unopened. */
function compileLeaf(_selector: string, leaf: unknown, _options: unknown): (document: unknown) => boolean {
  if (!(leaf instanceof Leaf)) throw new TypeError('not a compiled condition');
  return (document) => document instanceof RawValue && leaf.test(document);
}

/** The predicate of a parsed query: does a stored document match? */
export function compileFilter(filter: GroupFilter): (document: RawValue) => boolean {
  if (filter.filters.length === 0) return filter.kind === '$and' ? () => true : () => false;
  const query = new Query<RawValue>({ ...criteriaOf(filter) }, { context });
  return (document) => query.test(document);
}

function criteriaOf(filter: Filter): Record<string, unknown> {
  if (filter.kind === 'field')
    return { field: { $leaf: new Leaf(compileField(filter.path, filter.test, compileFilter)) } };
  return { [filter.kind]: filter.filters.map(criteriaOf) };
}
