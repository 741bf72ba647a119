import { serialize } from 'bson';
import { MongoServerError } from 'mongodb';
import type { Collections } from '../../../src/store/collections.ts';

type Value = unknown;
type Fields = Record<string, Value>;

/** In Jest, each look-up of a global costs more than the rest of a comparison. */
const Instant = Date;

const isFields = (value: Value): value is Fields =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Instant) &&
  !('_bsontype' in value);
const isObjectId = (value: Value): boolean =>
  typeof value === 'object' && value !== null && '_bsontype' in value;
function plain(value: Value): Value {
  if (typeof value !== 'object') return value ?? null;
  if (value instanceof Instant) return value.getTime();
  return isObjectId(value) ? String(value) : value;
}

/** The order of two values of one kind; null comes first. */
function compare(one: Value, other: Value): number {
  const left = plain(one);
  const right = plain(other);
  if (left === right) return 0;
  if (left === null) return -1;
  if (right === null) return 1;
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  return String(left) < String(right) ? -1 : 1;
}

const sameKind = (one: Value, other: Value) => typeof plain(one) === typeof plain(other);
const listOf = (value: Value): Value[] => (Array.isArray(value) ? value : []);

const TESTS: Record<string, (value: Value, operand: Value) => boolean> = {
  $gt: (value, operand) => sameKind(value, operand) && compare(value, operand) > 0,
  $gte: (value, operand) => sameKind(value, operand) && compare(value, operand) >= 0,
  $lt: (value, operand) => sameKind(value, operand) && compare(value, operand) < 0,
  $lte: (value, operand) => sameKind(value, operand) && compare(value, operand) <= 0,
  $ne: (value, operand) => compare(value, operand) !== 0,
  $in: (value, operand) => listOf(operand).some((one) => compare(value, one) === 0),
  $nin: (value, operand) => listOf(operand).every((one) => compare(value, one) !== 0),
  $exists: (value, operand) => (value !== undefined) === operand,
};

type Test = (document: Fields) => boolean;

function testOf(name: string, condition: Value): Test {
  if (name === '$or' || name === '$and') {
    const tests = listOf(condition).map((one) => testsOf(isFields(one) ? one : {}));
    return name === '$or'
      ? (document) => tests.some((test) => test(document))
      : (document) => tests.every((test) => test(document));
  }
  if (condition === undefined) return () => true;
  if (!isFields(condition)) {
    const wanted = plain(condition);
    return (document) => plain(document[name]) === wanted;
  }
  const tests = Object.entries(condition).map(([operator, operand]): Test => {
    const holds = TESTS[operator];
    if (!holds) throw new Error(`The tests' database has no ${operator}.`);
    return (document) => holds(document[name], operand);
  });
  return (document) => tests.every((test) => test(document));
}

/** Prepared once for each call, because a call may look at many documents. */
function testsOf(filter: Fields): Test {
  const tests = Object.entries(filter).map(([name, condition]) => testOf(name, condition));
  return (document) => tests.every((test) => test(document));
}

const CHANGES: Record<string, (before: Value, operand: Value) => Value> = {
  $set: (_before, operand) => operand,
  $unset: () => undefined,
  $inc: (before, operand) => Number(before ?? 0) + Number(operand),
  $push: (before, operand) => {
    const { $each, $slice } = isFields(operand) ? operand : {};
    return [...listOf(before), ...listOf($each)].slice(Number($slice));
  },
  $pullAll: (before, operand) =>
    before === undefined
      ? undefined
      : listOf(before).filter((one) => listOf(operand).every((unwanted) => compare(one, unwanted) !== 0)),
};

function change(document: Fields, update: Fields, isNew = false): void {
  for (const [operator, operands] of Object.entries(update)) {
    const apply = operator === '$setOnInsert' ? isNew && CHANGES.$set : CHANGES[operator];
    if (apply === undefined) throw new Error(`The tests' database has no ${operator}.`);
    if (apply === false || !isFields(operands)) continue;
    for (const [name, operand] of Object.entries(operands)) {
      const value = apply(document[name], operand);
      if (value === undefined) delete document[name];
      else document[name] = value;
    }
  }
}

interface FindOptions {
  sort?: Record<string, 1 | -1>;
  limit?: number;
  raw?: boolean;
}

/** What the engine's stores use of a collection, in memory: each call is atomic. */
export class MemoryCollection {
  readonly documents = new Map<string, Fields>();
  /** By the value of this field, so that a task's runs are found without a scan. */
  readonly #groups = new Map<Value, Map<string, Fields>>();
  readonly #unique: string | undefined;
  /** The documents by the value of their unique field. */
  readonly #uniques = new Map<Value, Fields>();

  constructor(unique?: string) {
    this.#unique = unique;
  }

  find(filter: Fields = {}, options: FindOptions = {}) {
    return { toArray: async () => this.#select(filter, options).map((document) => ({ ...document })) };
  }

  async findOne(filter: Fields, options: FindOptions = {}) {
    const [found] = this.#select(filter, { ...options, limit: 1 });
    if (found && options.raw) return Buffer.from(serialize(found));
    return found ? { ...found } : null;
  }

  async insertOne(document: Fields) {
    this.#checkUnique(document);
    this.#put(Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined)));
  }

  async updateOne(filter: Fields, update: Fields) {
    return { matchedCount: this.#update(filter, update, 1) };
  }

  async updateMany(filter: Fields, update: Fields) {
    return { matchedCount: this.#update(filter, update, Infinity) };
  }

  async findOneAndUpdate(
    filter: Fields,
    update: Fields,
    options: { upsert?: boolean; returnDocument?: string } = {},
  ) {
    const [found] = this.#select(filter, { limit: 1 });
    if (!found) {
      if (!options.upsert) return null;
      const added: Fields = { _id: filter._id };
      change(added, update, true);
      this.#checkUnique(added);
      this.#put(added);
      return { ...added };
    }
    const before = { ...found };
    this.#change(found, update);
    return options.returnDocument === 'after' ? { ...found } : before;
  }

  async deleteOne(filter: Fields) {
    const [found] = this.#select(filter, { limit: 1 });
    if (found) this.#drop(found);
    return { deletedCount: found ? 1 : 0 };
  }

  async deleteMany(filter: Fields) {
    const found = this.#select(filter, {});
    for (const document of found) this.#drop(document);
    return { deletedCount: found.length };
  }

  async estimatedDocumentCount() {
    return this.documents.size;
  }

  #select(filter: Fields, { sort, limit = Infinity }: FindOptions): Fields[] {
    const { _id, task_id } = filter;
    const group = typeof task_id === 'string' ? this.#groups.get(task_id)?.values() : this.documents.values();
    const one = typeof _id === 'string' ? this.documents.get(_id) : undefined;
    const candidates = typeof _id === 'string' ? (one ? [one] : []) : (group ?? []);
    const found: Fields[] = [];
    const matches = testsOf(filter);
    for (const document of candidates) {
      if (!matches(document)) continue;
      found.push(document);
      if (!sort && found.length >= limit) break;
    }
    if (!sort) return found;
    const order = Object.entries(sort);
    const inOrder = (left: Fields, right: Fields) => {
      for (const [name, direction] of order) {
        const difference = compare(left[name], right[name]);
        if (difference !== 0) return difference * direction;
      }
      return 0;
    };
    if (limit === 1 && found.length > 1)
      return [found.reduce((first, other) => (inOrder(other, first) < 0 ? other : first))];
    found.sort(inOrder);
    return limit === 0 ? found : found.slice(0, limit);
  }

  #update(filter: Fields, update: Fields, limit: number): number {
    const found = this.#select(filter, { limit });
    for (const document of found) this.#change(document, update);
    return found.length;
  }

  #change(document: Fields, update: Fields): void {
    const after = { ...document };
    change(after, update);
    this.#checkUnique(after, document);
    if (this.#unique !== undefined) {
      this.#uniques.delete(document[this.#unique]);
      this.#uniques.set(after[this.#unique], document);
    }
    for (const name of Object.keys(document)) if (!(name in after)) delete document[name];
    Object.assign(document, after);
  }

  #checkUnique(document: Fields, except?: Fields): void {
    const holder = this.#unique === undefined ? undefined : this.#uniques.get(document[this.#unique]);
    const isTaken =
      (!except && this.documents.has(String(document._id))) || (holder !== undefined && holder !== except);
    if (isTaken) throw new MongoServerError({ message: 'E11000 duplicate key', code: 11_000 });
  }

  #put(document: Fields): void {
    this.documents.set(String(document._id), document);
    if (this.#unique !== undefined) this.#uniques.set(document[this.#unique], document);
    const group = this.#groups.get(document.task_id) ?? new Map<string, Fields>();
    group.set(String(document._id), document);
    this.#groups.set(document.task_id, group);
  }

  #drop(document: Fields): void {
    this.documents.delete(String(document._id));
    if (this.#unique !== undefined) this.#uniques.delete(document[this.#unique]);
    this.#groups.get(document.task_id)?.delete(String(document._id));
  }
}

/** The collections in memory, for the stores of the engine and no others: virtual days take seconds with them. */
export function memoryCollections(): Collections;
export function memoryCollections(): object {
  const collection = (unique?: string) => new MemoryCollection(unique);
  return {
    tasks: collection(),
    runs: collection(),
    run_queue: collection('slot'),
    occurrences: collection(),
    engine: collection(),
    trigger: collection(),
    accounts: collection(),
    idempotency_keys: collection(),
    api_keys: collection(),
    deleted_tasks: collection(),
    cancel_requests: collection(),
    upgrades: collection(),
  };
}
