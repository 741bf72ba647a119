import { documentOf, rawOf } from '../bson-writer.ts';
import { keyPartsOf } from '../arguments.ts';
import { CommandError } from '../errors.ts';
import { parseFilter } from '../filter.ts';
import { compileFilter } from '../matcher.ts';
import { numberOf } from '../number-order.ts';
import { type RawValue, TYPE, fieldsOf, isNumber, isObject, textOf } from '../raw-bson.ts';
import { Sorter } from '../sorter.ts';
import type { Store } from '../store.ts';
import { Grouper } from './group.ts';
import { compileLookup } from './lookup.ts';
import { compileAddFields, compileProject, compileUnset } from './reshape.ts';

export type Documents = AsyncIterable<RawValue>;
/** A compiled stage: documents in, documents out, as they come where that is possible. */
export type Stage = (input: Documents) => Documents;

export interface StageSpec {
  readonly name: string;
  readonly operand: RawValue;
}

/** A pipeline's stages by name. Throws CommandError 40323 for entries that are not one stage. */
export function stageSpecs(pipeline: readonly RawValue[]): StageSpec[] {
  return pipeline.map((entry) => {
    const [field, ...more] = isObject(entry) ? fieldsOf(entry) : [];
    if (!field || more.length > 0) {
      throw new CommandError(40323, 'A pipeline stage specification object must contain exactly one field.');
    }
    return { name: field[0], operand: field[1] };
  });
}

/** Compiles a stage. Throws CommandError 40324 for stages this engine does not have. */
export function compileStage(store: Store, db: string, { name, operand }: StageSpec): Stage {
  switch (name) {
    case '$match':
      return filtered(matchOf(operand));
    case '$sort':
      return sorted(operand);
    case '$limit':
      return limited(limitOf(operand));
    case '$skip':
      return skipped(skipOf(operand));
    case '$project':
      return mapped(compileProject(operand));
    case '$addFields':
    case '$set':
      return mapped(compileAddFields(operand));
    case '$unset':
      return mapped(compileUnset(operand));
    case '$lookup':
      return mapped(compileLookup(store, db, operand));
    case '$group':
      return grouped(operand);
    case '$count':
      return counted(operand);
    default:
      throw new CommandError(
        40324,
        `Unrecognized pipeline stage name: '${name}', or not supported by the embedded engine; set MONGODB_URI to use a real MongoDB`,
      );
  }
}

function matchOf(operand: RawValue): (document: RawValue) => boolean {
  if (!isObject(operand))
    throw new CommandError(15959, 'the match filter must be an expression in an object');
  return compileFilter(parseFilter(operand));
}

/** A $limit's number. Throws CommandError 15958. */
export function limitOf(operand: RawValue): number {
  const count = isNumber(operand) ? numberOf(operand) : Number.NaN;
  if (!Number.isSafeInteger(count) || count <= 0) throw new CommandError(15958, 'the limit must be positive');
  return count;
}

/** A $skip's number. Throws CommandError 5107200. */
export function skipOf(operand: RawValue): number {
  const count = isNumber(operand) ? numberOf(operand) : Number.NaN;
  if (!Number.isSafeInteger(count) || count < 0)
    throw new CommandError(5107200, 'invalid argument to $skip stage');
  return count;
}

function filtered(matches: (document: RawValue) => boolean): Stage {
  return async function* filter(input) {
    for await (const document of input) if (matches(document)) yield document;
  };
}

function mapped(change: (document: RawValue) => RawValue | Promise<RawValue>): Stage {
  return async function* map(input) {
    for await (const document of input) yield await change(document);
  };
}

function limited(count: number): Stage {
  return async function* limit(input) {
    let left = count;
    for await (const document of input) {
      yield document;
      left -= 1;
      if (left === 0) return;
    }
  };
}

function skipped(count: number): Stage {
  return async function* skip(input) {
    let left = count;
    for await (const document of input) {
      if (left > 0) left -= 1;
      else yield document;
    }
  };
}

function sorted(operand: RawValue): Stage {
  if (!isObject(operand)) throw new CommandError(15973, 'the $sort key specification must be an object');
  const parts = keyPartsOf(operand, '$sort');
  if (parts.length === 0) throw new CommandError(15976, '$sort stage must have at least one sort key');
  return async function* sort(input) {
    const sorter = new Sorter<{ document: RawValue }>(parts, Number.POSITIVE_INFINITY);
    for await (const document of input) sorter.add({ document });
    for (const { document } of sorter.sorted()) yield document;
  };
}

function grouped(operand: RawValue): Stage {
  const make = (): Grouper => new Grouper(operand);
  make();
  return async function* group(input) {
    const grouper = make();
    for await (const document of input) grouper.add(document);
    yield* grouper.results();
  };
}

function counted(operand: RawValue): Stage {
  const name = operand.type === TYPE.string ? textOf(operand) : '';
  if (name === '' || name.startsWith('$') || name.includes('.')) {
    throw new CommandError(40156, "the count field must be a non-empty string without '.' or a leading '$'");
  }
  return async function* count(input) {
    let n = 0;
    for await (const _ of input) n += 1;
    if (n > 0) yield documentOf([[name, rawOf(n)]]);
  };
}
