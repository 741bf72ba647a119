import type { Collection, IndexInfo } from './catalog.ts';
import { NULL, documentOf } from './bson-writer.ts';
import { CommandError } from './errors.ts';
import { patternDocument } from './index-describe.ts';
import type { IndexEntry } from './index-keys.ts';
import { decimalText } from './number-order.ts';
import { type RawValue, TYPE, fieldsOf, textOf, valuesOf } from './raw-bson.ts';

/** MongoDB's E11000, with keyPattern and keyValue beside the message. */
export function duplicateKey(collection: Collection, index: IndexInfo, entry: IndexEntry): CommandError {
  const names = index.parts.map(({ path }) => path.text);
  const keyValue = documentOf(names.map((name, at) => [name, entry.values[at] ?? NULL]));
  const keyPattern = patternDocument(index.parts);
  return new CommandError(
    11000,
    `E11000 duplicate key error collection: ${collection.namespace} index: ${index.name} dup key: ${shellText(keyValue)}`,
    { keyPattern, keyValue },
  );
}

/** A value as the MongoDB shell writes it, for messages. */
function shellText(value: RawValue): string {
  const { bytes, start } = value;
  switch (value.type) {
    case TYPE.string:
      return `"${textOf(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
    case TYPE.object:
      return `{ ${fieldsOf(value)
        .map(([name, item]) => `${name}: ${shellText(item)}`)
        .join(', ')} }`;
    case TYPE.array:
      return `[ ${valuesOf(value).map(shellText).join(', ')} ]`;
    case TYPE.objectId:
      return `ObjectId('${bytes.toString('hex', start, value.end)}')`;
    case TYPE.bool:
      return String(bytes[start] === 1);
    case TYPE.date:
      return `new Date(${bytes.readBigInt64LE(start)})`;
    case TYPE.int:
      return String(bytes.readInt32LE(start));
    case TYPE.long:
      return String(bytes.readBigInt64LE(start));
    case TYPE.decimal:
      return decimalText(value);
    case TYPE.double:
      return doubleText(bytes.readDoubleLE(start));
    case TYPE.binary:
      return `BinData(${bytes[start + 4] ?? 0}, ${bytes.toString('hex', start + 5, value.end).toUpperCase()})`;
    case TYPE.minKey:
      return 'MinKey';
    case TYPE.maxKey:
      return 'MaxKey';
    default:
      return 'null';
  }
}

function doubleText(double: number): string {
  return Number.isInteger(double) && Math.abs(double) < 1e15 ? `${double}.0` : String(double);
}
