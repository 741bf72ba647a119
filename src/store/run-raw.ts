import { deserialize, onDemand } from 'bson';
import type { Position } from './position.ts';

/** The start of a BSON string element named `_id`. Every document whose _id is a string begins with it. */
const ID_ELEMENT = Buffer.from('\x02_id\0');
const ID_START = 4;
/** BSON's type code for strings. The value is a four-byte length, the text and NUL. */
const STRING = 2;

/** A run as the BSON bytes that the driver received. Views convert these bytes directly to JSON. */
export class RawRun {
  readonly bytes: Buffer;

  /** @param document - the driver returns a Buffer for queries with `raw`, although its types say otherwise */
  constructor(document: unknown) {
    if (!Buffer.isBuffer(document))
      throw new TypeError('Expected a Buffer from a query with the option `raw`, got a decoded document.');
    this.bytes = document;
  }

  get id(): string {
    const { bytes } = this;
    const length = ID_START + ID_ELEMENT.length;
    // The _id is normally the first element. Deserializing the whole document just for the id would cost as much as
    // creating the run's JSON.
    if (bytes.compare(ID_ELEMENT, 0, undefined, ID_START, length) !== 0)
      return String(deserialize(bytes)._id);
    const textStart = length + 4;
    return bytes.toString('utf8', textStart, textStart + bytes.readInt32LE(length) - 1);
  }

  /** The task's id. Undefined if another tool stored a value that is not a string. */
  get taskId(): string | undefined {
    return this.#textOf('task_id');
  }

  /** The status. Undefined if another tool stored a value that is not a string. */
  get status(): string | undefined {
    return this.#textOf('status');
  }

  /** The run's id at Trigger.dev. Undefined unless this service reads the run from there. */
  get engineRunId(): string | undefined {
    return this.#textOf('engine_run_id');
  }

  #textOf(field: string): string | undefined {
    const { bytes } = this;
    for (const [type, nameStart, nameLength, start, length] of onDemand.parseToElements(bytes)) {
      const name = bytes.toString('latin1', nameStart, nameStart + nameLength);
      if (type === STRING && name === field) return bytes.toString('utf8', start + 4, start + length - 1);
    }
    return undefined;
  }

  get position(): Position {
    const { createdAt } = deserialize(this.bytes);
    return { id: this.id, createdAt };
  }
}
