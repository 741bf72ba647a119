import { deserialize } from 'bson';
import type { Position } from './position.ts';

/** BSON's element of a string named `_id`, with which every document begins whose _id is one. */
const ID_ELEMENT = Buffer.from('\x02_id\0');
const ID_START = 4;

/** A run as the database has it: its bytes, of which its view is made. */
export class RawRun {
  readonly bytes: Buffer;

  /** @param document - what the driver gives where it is asked for `raw` documents, whatever its types say */
  constructor(document: unknown) {
    if (!Buffer.isBuffer(document)) throw new TypeError('The driver gave no raw document.');
    this.bytes = document;
  }

  get id(): string {
    const { bytes } = this;
    const length = ID_START + ID_ELEMENT.length;
    // To read all of it for its id would cost as much as its view.
    if (bytes.compare(ID_ELEMENT, 0, undefined, ID_START, length) !== 0)
      return String(deserialize(bytes)._id);
    const textStart = length + 4;
    return bytes.toString('utf8', textStart, textStart + bytes.readInt32LE(length) - 1);
  }

  /** Its place in a listing. */
  get position(): Position {
    const { createdAt } = deserialize(this.bytes);
    return { id: this.id, createdAt };
  }
}
