import { deserialize, onDemand } from 'bson';
import type { Position } from './position.ts';

/** BSON's element of a string named `_id`, with which every document begins whose _id is one. */
const ID_ELEMENT = Buffer.from('\x02_id\0');
const ID_START = 4;
/** BSON's type of a string: its length in four bytes, the text, NUL. */
const STRING = 2;

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

  /** The id of its task; undefined if another tool stored no string there. */
  get taskId(): string | undefined {
    return this.#textOf('task_id');
  }

  /** Its status; undefined if another tool stored no string there. */
  get status(): string | undefined {
    return this.#textOf('status');
  }

  #textOf(field: string): string | undefined {
    const { bytes } = this;
    for (const [type, nameStart, nameLength, start, length] of onDemand.parseToElements(bytes)) {
      const name = bytes.toString('latin1', nameStart, nameStart + nameLength);
      if (type === STRING && name === field) return bytes.toString('utf8', start + 4, start + length - 1);
    }
    return undefined;
  }

  /** Its place in a listing. */
  get position(): Position {
    const { createdAt } = deserialize(this.bytes);
    return { id: this.id, createdAt };
  }
}
