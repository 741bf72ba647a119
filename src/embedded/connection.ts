import type { Socket } from 'node:net';
import { encodeDocument } from './bson-writer.ts';
import { CommandError } from './errors.ts';
import {
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  type Message,
  ProtocolError,
  readMessage,
  writeReply,
} from './wire.ts';

/** Answers one command with a reply document. It reports failures in the document and does not throw. */
export type Handler = (message: Message) => Promise<Buffer>;

/**
 * Serves one client: reads messages, answers them one after another and reads no further while it works, so that a
 * client holds at most one message and one reply.
 */
export async function serveConnection(socket: Socket, handle: Handler): Promise<void> {
  const chunks: Buffer[] = [];
  let received = 0;
  let wanted = HEADER_BYTES;
  for await (const chunk of socket) {
    if (!Buffer.isBuffer(chunk)) throw new ProtocolError('the socket does not deliver bytes');
    chunks.push(chunk);
    received += chunk.length;
    while (received >= wanted) {
      const bytes = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
      const length = messageLength(bytes);
      wanted = length;
      chunks.length = 0;
      chunks.push(bytes);
      if (received < length) break;
      await answer(socket, bytes.subarray(0, length), handle);
      const rest = bytes.subarray(length);
      chunks[0] = rest;
      received = rest.length;
      wanted = HEADER_BYTES;
    }
  }
}

function messageLength(bytes: Buffer): number {
  const length = bytes.readInt32LE(0);
  if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) {
    throw new ProtocolError(`a message of ${length} bytes is outside the limits`);
  }
  return length;
}

async function answer(socket: Socket, bytes: Buffer, handle: Handler): Promise<void> {
  let reply: { requestId: number; legacy: boolean; document: Buffer };
  try {
    const message = readMessage(bytes);
    const document = await handle(message);
    if (message.noReply) return;
    reply = { requestId: message.requestId, legacy: message.legacy, document };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    reply = { requestId: bytes.readInt32LE(4), legacy: false, document: errorDocument(error) };
  }
  const flushed = socket.write(writeReply(reply.requestId, reply.legacy, reply.document));
  if (!flushed) await drained(socket);
}

/** The reply document for a failed command. */
export function errorDocument(error: CommandError): Buffer {
  const { code, codeName, message, details } = error;
  return encodeDocument({ ok: 0, errmsg: message, code, codeName, ...details });
}

async function drained(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const settle = (): void => {
      socket.off('drain', settle);
      socket.off('close', settle);
      resolve();
    };
    socket.on('drain', settle);
    socket.on('close', settle);
    if (socket.destroyed) settle();
  });
}
