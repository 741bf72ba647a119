import { NULL, arrayOf, documentOf } from './bson-writer.ts';
import { CommandError, badValue } from './errors.ts';
import { RawValue, fieldsOf, isArray, isObject, valuesOf } from './raw-bson.ts';

/**
 * A document opened for change. Only the objects and arrays on a changed path are taken apart; everything else stays
 * the bytes it was.
 */
export type Slot = RawValue | ObjectNode | ArrayNode;

export class ObjectNode {
  readonly entries: [name: string, slot: Slot][];

  constructor(entries: [string, Slot][]) {
    this.entries = entries;
  }
}

export class ArrayNode {
  readonly items: Slot[];

  constructor(items: Slot[]) {
    this.items = items;
  }
}

/** Where a value is or would be: its parent and its name there. */
export interface Place {
  readonly parent: ObjectNode | ArrayNode;
  readonly name: string;
}

/** MongoDB's limit for the nulls that setting a far array element may add. */
const MAX_PADDING = 1_500_000;

/** Opens an object for change. */
export function openDocument(document: RawValue): ObjectNode {
  return new ObjectNode(fieldsOf(document).map(([name, value]) => [name, value]));
}

/** The BSON of a slot. */
export function closeSlot(slot: Slot): RawValue {
  if (slot instanceof RawValue) return slot;
  if (slot instanceof ArrayNode) return arrayOf(slot.items.map(closeSlot));
  return documentOf(slot.entries.map(([name, inner]) => [name, closeSlot(inner)]));
}

/** The value at a place, or undefined. */
export function readPlace({ parent, name }: Place): RawValue | undefined {
  const slot = slotOf(parent, name);
  return slot && closeSlot(slot);
}

/** Puts a value at a place; beyond an array's end the gap is filled with null. */
export function writePlace({ parent, name }: Place, slot: Slot): void {
  if (parent instanceof ObjectNode) {
    const entry = parent.entries.find(([known]) => known === name);
    if (entry) entry[1] = slot;
    else parent.entries.push([name, slot]);
    return;
  }
  const index = Number(name);
  if (index - parent.items.length > MAX_PADDING)
    throw badValue(`can't backfill more than ${MAX_PADDING} elements`);
  while (parent.items.length < index) parent.items.push(NULL);
  parent.items[index] = slot;
}

/** Removes a field; an array's element becomes null, as in MongoDB. */
export function clearPlace({ parent, name }: Place): void {
  if (parent instanceof ArrayNode) {
    if (Number(name) < parent.items.length) parent.items[Number(name)] = NULL;
    return;
  }
  const at = parent.entries.findIndex(([known]) => known === name);
  if (at >= 0) parent.entries.splice(at, 1);
}

/**
 * The places a path leads to: one, or one per element for each `$[]` in it. Missing objects on the way are made if
 * `create`; otherwise a path that leads nowhere has no place.
 * @throws CommandError 28 if `create` and a value on the way cannot hold fields
 */
export function placesOf(root: ObjectNode, path: readonly string[], create: boolean): Place[] {
  let parents: (ObjectNode | ArrayNode)[] = [root];
  for (const [depth, name] of path.entries()) {
    const last = depth === path.length - 1;
    const places = parents.flatMap((parent) => namedPlaces(parent, name, path, create));
    if (last) return places;
    parents = places.flatMap((place) => openPlace(place, path, depth, create) ?? []);
  }
  return [];
}

function namedPlaces(
  parent: ObjectNode | ArrayNode,
  name: string,
  path: readonly string[],
  create: boolean,
): Place[] {
  if (name === '$[]') {
    if (parent instanceof ArrayNode) return parent.items.map((_, index) => ({ parent, name: String(index) }));
    throw badValue(`Cannot apply array updates to non-array element in the path '${path.join('.')}'`);
  }
  if (parent instanceof ArrayNode && !/^(0|[1-9]\d{0,8})$/.test(name)) {
    if (!create) return [];
    throw new CommandError(28, `Cannot create field '${name}' in an array, in the path '${path.join('.')}'`);
  }
  return [{ parent, name }];
}

function openPlace(
  place: Place,
  path: readonly string[],
  depth: number,
  create: boolean,
): ObjectNode | ArrayNode | undefined {
  const slot = slotOf(place.parent, place.name);
  if (slot instanceof ObjectNode || slot instanceof ArrayNode) return slot;
  if (slot === undefined) {
    if (!create) return undefined;
    if (path[depth + 1] === '$[]') {
      throw badValue(
        `The path '${path.slice(0, depth + 1).join('.')}' must exist in the document in order to apply array updates.`,
      );
    }
    return replaceSlot(place, new ObjectNode([]));
  }
  if (isObject(slot)) return replaceSlot(place, openDocument(slot));
  if (isArray(slot)) return replaceSlot(place, new ArrayNode(valuesOf(slot)));
  if (!create) return undefined;
  throw new CommandError(
    28,
    `Cannot create field '${path[depth + 1] ?? ''}' in element '${path.slice(0, depth + 1).join('.')}', which is neither a document nor an array`,
  );
}

function replaceSlot<T extends ObjectNode | ArrayNode>(place: Place, node: T): T {
  writePlace(place, node);
  return node;
}

function slotOf(parent: ObjectNode | ArrayNode, name: string): Slot | undefined {
  if (parent instanceof ArrayNode) return parent.items[Number(name)];
  return parent.entries.find(([known]) => known === name)?.[1];
}
