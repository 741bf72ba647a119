import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { Transform } from 'node:stream';

/** Where a connection string leads: a host and port, or the path of a socket. */
function targetOf(uri: string) {
  const authority = /^mongodb:\/\/(?:[^@/]*@)?([^/?,]+)/.exec(uri)?.[1] ?? '';
  const decoded = decodeURIComponent(authority);
  if (decoded.startsWith('/')) return { path: decoded };
  const { hostname, port } = new URL(`tcp://${authority}`);
  return { host: hostname, port: Number(port || 27017) };
}

/** Stands between the service and its database, to cut, stall and slow down their connections as a failing network would. */
export async function startProxy(uri: string) {
  const sockets = new Set<Socket>();
  let isCut = false;
  let delayMs = 0;
  /** What was to be passed on while it stood still; undefined where it does not. */
  let held: (() => void)[] | undefined;
  let sent = '';
  const forget = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    forget(client);
    if (isCut) return client.destroy();
    const upstream = connect(targetOf(uri));
    forget(upstream);
    client.on('data', (chunk) => (sent += chunk.toString('latin1')));
    const answers = new Transform({
      transform(chunk, _encoding, done) {
        const pass = () => done(null, chunk);
        if (held) held.push(pass);
        else if (delayMs > 0) setTimeout(pass, delayMs);
        else pass();
      },
    });
    client.pipe(upstream).pipe(answers).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    return client;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port }: Pick<AddressInfo, 'port'> = JSON.parse(JSON.stringify(server.address()));
  return {
    uri: `mongodb://127.0.0.1:${port}/?directConnection=true`,
    /** What went to the database, a character a byte. */
    sent: () => sent,
    /** Ends all connections and refuses new ones. */
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    /** Lets new connections through again. */
    restore() {
      isCut = false;
      for (const socket of sockets) socket.destroy();
    },
    /** Passes on no answer of the database any more, as one that stands still. */
    stall() {
      held = [];
    },
    /** Passes on what was held back, and what comes. */
    resume() {
      const passing = held ?? [];
      held = undefined;
      for (const pass of passing) pass();
    },
    /** Passes on each answer so much later; 0 for at once. */
    slowDown(byMs: number) {
      delayMs = byMs;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
