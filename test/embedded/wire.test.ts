import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BSON, type Document } from 'bson';
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { join } from 'node:path';
import { TestEngine } from './support/engine.ts';

let engine: TestEngine;
let socket: Socket;
beforeAll(async () => {
  engine = await TestEngine.start();
});
afterAll(async () => {
  socket.destroy();
  await engine.stop();
});

async function open(): Promise<Socket> {
  socket = connect(join(engine.dataDir, 'db.sock'));
  await once(socket, 'connect');
  return socket;
}

function frame(opcode: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(16);
  header.writeInt32LE(16 + body.length, 0);
  header.writeInt32LE(77, 4);
  header.writeInt32LE(opcode, 12);
  return Buffer.concat([header, body]);
}

function message(document: Document, flags = 0, ...more: Uint8Array[]): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32LE(flags, 0);
  return frame(2013, head, BSON.serialize({ ...document, $db: 'test' }), ...more);
}

function sequence(name: string, documents: Document[]): Buffer {
  const body = Buffer.concat([
    Buffer.from(`${name}\0`),
    ...documents.map((document) => BSON.serialize(document)),
  ]);
  const head = Buffer.alloc(5);
  head[0] = 1;
  head.writeInt32LE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

async function reply(on: Socket): Promise<Document> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < 4 || bytes.length < bytes.readInt32LE(0)) {
    const [chunk] = await once(on, 'data');
    bytes = Buffer.concat([bytes, chunk]);
  }
  expect(bytes.readInt32LE(8)).toBe(77);
  const legacy = bytes.readInt32LE(12) === 1;
  return BSON.deserialize(bytes.subarray(legacy ? 36 : 21));
}

describe('the wire protocol', () => {
  it('shakes hands by the old OP_QUERY as a standalone server', async () => {
    const on = await open();
    const head = Buffer.concat([Buffer.alloc(4), Buffer.from('admin.$cmd\0'), Buffer.alloc(8)]);
    on.write(frame(2004, head, BSON.serialize({ ismaster: 1, helloOk: true })));
    const hello = await reply(on);
    expect(hello).toMatchObject({
      ismaster: true,
      helloOk: true,
      maxWireVersion: 21,
      readOnly: false,
      ok: 1,
    });
    expect(hello).not.toHaveProperty('setName');
  });

  it('refuses other commands by OP_QUERY', async () => {
    const on = await open();
    const head = Buffer.concat([Buffer.alloc(4), Buffer.from('test.$cmd\0'), Buffer.alloc(8)]);
    on.write(frame(2004, head, BSON.serialize({ ping: 1 })));
    expect(await reply(on)).toMatchObject({ ok: 0, code: 352 });
  });

  it('takes document sequences, in pieces, and a checksum it does not check', async () => {
    const on = await open();
    const bytes = message(
      { insert: 'wire' },
      1,
      sequence('documents', [{ _id: 1 }, { _id: 2 }]),
      Buffer.alloc(4),
    );
    for (let at = 0; at < bytes.length; at += 11) {
      on.write(bytes.subarray(at, at + 11));
      await new Promise(setImmediate);
    }
    expect(await reply(on)).toMatchObject({ n: 2, ok: 1 });
  });

  it('answers several messages of one packet in order', async () => {
    const on = await open();
    on.write(
      Buffer.concat([message({ insert: 'wire', documents: [{ _id: 5 }] }, 2), message({ count: 'wire' })]),
    );
    expect(await reply(on)).toEqual({ n: 3, ok: 1 });
  });

  it('answers broken BSON with an error', async () => {
    const on = await open();
    const bytes = message({ insert: 'wire', documents: [{ a: 'text' }] });
    bytes.writeInt32LE(1_000_000, bytes.indexOf('text') - 4);
    on.write(bytes);
    expect(await reply(on)).toMatchObject({ ok: 0, code: 22 });
  });

  it.each([
    ['an unknown opcode', frame(2012, Buffer.alloc(20))],
    ['an unknown required flag', message({ ping: 1 }, 8)],
    ['an unknown section', frame(2013, Buffer.alloc(4), Buffer.of(9))],
    ['no body', frame(2013, Buffer.alloc(4))],
    ['a length below the header', Buffer.alloc(16)],
    ['a length above 48 MB', Buffer.from([0, 0, 0, 0x7f, ...Buffer.alloc(12)])],
    ['a sequence that leaves the message', message({ ping: 1 }, 0, Buffer.from([1, 255, 255, 0, 0, 97, 0]))],
  ])('closes the connection on %s, and no other', async (_name, bytes) => {
    const on = await open();
    on.resume();
    on.write(bytes);
    await once(on, 'close');
    expect(await engine.db.command({ ping: 1 })).toEqual({ ok: 1 });
  });
});
