/** The moment in which a server ends while a command is being written to it. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Service, startService } from '../support/service.ts';
import { task } from '../support/builders.ts';

let service: Service;
const sockets = new Set<Socket>();
/** What the channel tells: node's types do not describe it. */
const remember = (message: unknown) => {
  const { socket }: { socket: Socket } = Object(message);
  sockets.add(socket);
};

beforeAll(async () => {
  subscribe('net.client.socket', remember);
  service = await startService();
  await service.collections.tasks.insertOne(task(1));
});
afterAll(async () => {
  unsubscribe('net.client.socket', remember);
  await service.close();
});

const toDatabase = () => [...sockets].filter(({ remotePort }) => remotePort !== service.port);

/** Before the next command is written, and after the driver has looked at its connection. */
function onNextCommand(name: string, act: () => void): void {
  const listener = ({ commandName }: { commandName: string }) => {
    if (commandName !== name) return;
    service.db.client.off('commandStarted', listener);
    act();
  };
  service.db.client.on('commandStarted', listener);
}

test('where the connection is closed before the write, a read is repeated and answered', async () => {
  onNextCommand('find', () => {
    for (const socket of toDatabase()) socket.destroy();
  });
  const reply = await service.request('/api/tasks');
  expect([reply.status, (await reply.json()).tasks.length]).toEqual([200, 1]);
});

test('where the write fails with an error of the system, a read is repeated and answered', async () => {
  onNextCommand('find', () => {
    for (const socket of toDatabase()) {
      socket.write = () => {
        socket.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' }));
        return false;
      };
    }
  });
  const reply = await service.request('/api/tasks');
  expect([reply.status, (await reply.json()).tasks.length]).toEqual([200, 1]);
});
