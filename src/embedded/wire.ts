import { CommandError } from './errors.ts';
import { RawValue, TYPE, checkDocument, fieldsOf } from './raw-bson.ts';

/** MongoDB's limit for one message, in bytes. */
export const MAX_MESSAGE_BYTES = 48_000_000;
export const HEADER_BYTES = 16;

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;

const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;
const EXHAUST_ALLOWED = 1 << 16;
const REQUIRED_BITS = 0xffff;

export interface Message {
  readonly requestId: number;
  /** Whether the command came as an OP_QUERY and so expects an OP_REPLY. */
  readonly legacy: boolean;
  /** Whether the client expects no reply (write concern w: 0). */
  readonly noReply: boolean;
  readonly body: RawValue;
  /** Lists of documents that the client sent outside the body, by field name. */
  readonly sequences: ReadonlyMap<string, readonly RawValue[]>;
}

/** Thrown if a message cannot be parsed. The connection must be closed: the next message may start anywhere. */
export class ProtocolError extends Error {}

/**
 * Parses one complete message, from its header to its end.
 * @throws ProtocolError for an unknown opcode or flag, or a broken frame
 * @throws CommandError 22 for malformed BSON
 */
export function readMessage(bytes: Buffer): Message {
  const requestId = bytes.readInt32LE(4);
  const opcode = bytes.readInt32LE(12);
  if (opcode === OP_MSG) return readOpMsg(bytes, requestId);
  if (opcode === OP_QUERY) return readOpQuery(bytes, requestId);
  throw new ProtocolError(`the embedded engine supports opcodes ${OP_MSG} and ${OP_QUERY}, not ${opcode}`);
}

function readOpMsg(bytes: Buffer, requestId: number): Message {
  if (bytes.length < HEADER_BYTES + 4) throw new ProtocolError('OP_MSG is too short');
  const flags = bytes.readUInt32LE(HEADER_BYTES);
  if ((flags & REQUIRED_BITS & ~(CHECKSUM_PRESENT | MORE_TO_COME)) !== 0) {
    throw new ProtocolError(`OP_MSG has unknown required flags ${flags}`);
  }
  // Skip the checksum and never send one: it guards against broken networks, and this is a Unix socket.
  const limit = bytes.length - (flags & CHECKSUM_PRESENT ? 4 : 0);
  const sequences = new Map<string, readonly RawValue[]>();
  let body: RawValue | undefined;
  let at = HEADER_BYTES + 4;
  while (at < limit) {
    const kind = bytes[at];
    if (kind === 0 && !body) {
      const end = checkDocument(bytes, at + 1, limit);
      body = new RawValue(TYPE.object, bytes, at + 1, end);
      at = end;
    } else if (kind === 1) {
      at = readSequence(bytes, at + 1, limit, sequences);
    } else {
      throw new ProtocolError(`OP_MSG has an unexpected section of kind ${kind}`);
    }
  }
  if (!body) throw new ProtocolError('OP_MSG has no body');
  const noReply = (flags & MORE_TO_COME) !== 0 && (flags & EXHAUST_ALLOWED) === 0;
  return { requestId, legacy: false, noReply, body, sequences };
}

function readSequence(
  bytes: Buffer,
  start: number,
  limit: number,
  sequences: Map<string, readonly RawValue[]>,
): number {
  const end = start + (start + 4 <= limit ? bytes.readInt32LE(start) : 0);
  const nameEnd = bytes.indexOf(0, start + 4);
  if (end <= start + 4 || end > limit || nameEnd < 0 || nameEnd >= end) {
    throw new ProtocolError('OP_MSG has a broken document sequence');
  }
  const name = bytes.toString('utf8', start + 4, nameEnd);
  if (sequences.has(name)) throw new ProtocolError(`OP_MSG repeats the document sequence ${name}`);
  const documents: RawValue[] = [];
  for (let at = nameEnd + 1; at < end;) {
    const next = checkDocument(bytes, at, end);
    documents.push(new RawValue(TYPE.object, bytes, at, next));
    at = next;
  }
  sequences.set(name, documents);
  return end;
}

/** Parses a handshake, which drivers may send as a query on admin.$cmd before they know the server. */
function readOpQuery(bytes: Buffer, requestId: number): Message {
  const nameEnd = bytes.indexOf(0, HEADER_BYTES + 4);
  if (nameEnd < 0 || nameEnd + 9 > bytes.length) throw new ProtocolError('OP_QUERY is too short');
  const namespace = bytes.toString('utf8', HEADER_BYTES + 4, nameEnd);
  if (!namespace.endsWith('.$cmd')) throw new ProtocolError('OP_QUERY is only supported for commands');
  const start = nameEnd + 9;
  const end = checkDocument(bytes, start, bytes.length);
  const body = new RawValue(TYPE.object, bytes, start, end);
  const [name = ''] = fieldsOf(body)[0] ?? [];
  if (!['hello', 'ismaster'].includes(name)) {
    throw new CommandError(
      352,
      `Unsupported OP_QUERY command: ${name}. The client driver may require an upgrade.`,
    );
  }
  return { requestId, legacy: true, noReply: false, body, sequences: new Map() };
}

/** Encodes a reply: an OP_REPLY if `legacy`, because the command came as an OP_QUERY; otherwise an OP_MSG. */
export function writeReply(requestId: number, legacy: boolean, document: Buffer): Buffer {
  const head = Buffer.alloc(legacy ? HEADER_BYTES + 20 : HEADER_BYTES + 5);
  head.writeInt32LE(head.length + document.length, 0);
  head.writeInt32LE(requestId, 8);
  head.writeInt32LE(legacy ? OP_REPLY : OP_MSG, 12);
  if (legacy) head.writeInt32LE(1, HEADER_BYTES + 16);
  return Buffer.concat([head, document]);
}
