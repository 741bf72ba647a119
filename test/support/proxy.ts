import { readFileSync } from 'node:fs';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { Transform } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { deserialize, serialize } from 'bson';

/** The parts of a connection string; of several hosts the first. */
function partsOf(uri: string) {
  const parts = /^mongodb:\/\/([^@/]*@)?([^/?,]+)[^/?]*(\/[^?]*)?(?:\?(.*))?$/.exec(uri);
  if (!parts)
    throw new Error(
      'The proxy of the tests needs a MONGODB_URI that starts with mongodb:// and names a host.',
    );
  const [, user = '', host = '', path = '/', options] = parts;
  return { user, host, path, options: new URLSearchParams(options) };
}

/** Connects to the server of a connection string: by TCP, TLS, or a Unix socket. */
function connectTo({ host, options }: ReturnType<typeof partsOf>): Socket {
  const decoded = decodeURIComponent(host);
  if (decoded.startsWith('/')) return connect({ path: decoded });
  const { hostname, port } = new URL(`tcp://${host}`);
  const target = { host: hostname, port: Number(port || 27017) };
  if (![options.get('tls'), options.get('ssl')].includes('true')) return connect(target);
  const file = (name: string) => {
    const path = options.get(name);
    return path === null ? undefined : readFileSync(path);
  };
  const isOn = (name: string) => options.get(name) === 'true';
  const own = file('tlsCertificateKeyFile');
  return connectTls({
    ...target,
    ca: file('tlsCAFile'),
    cert: own,
    key: own,
    rejectUnauthorized: !isOn('tlsInsecure') && !isOn('tlsAllowInvalidCertificates'),
    ...(isOn('tlsAllowInvalidHostnames') && { checkServerIdentity: () => undefined }),
  });
}

/** The connection string of a proxy: as the server's, with its user and options, but without TLS. */
function uriOf(port: number, { user, path, options }: ReturnType<typeof partsOf>): string {
  const kept = [...options].filter(([name]) => !/^(tls|ssl|directConnection$)/i.test(name));
  const query = new URLSearchParams([...kept, ['directConnection', 'true']]);
  return `mongodb://${user}127.0.0.1:${port}${path}?${query}`;
}

const OP_MSG = 2013;
/** Header, flags, and the kind of the first section, which is the command. */
const BEFORE_COMMAND = 21;

/** The reply to a message, as MongoDB writes it. */
function replyTo(message: Buffer, document: object): Buffer {
  const body = serialize(document);
  const reply = Buffer.alloc(BEFORE_COMMAND + body.length);
  reply.writeInt32LE(reply.length, 0);
  reply.writeInt32LE(message.readInt32LE(4), 8);
  reply.writeInt32LE(OP_MSG, 12);
  reply.set(body, BEFORE_COMMAND);
  return reply;
}

/** The name of a message's command. */
function commandOf(message: Buffer): string | undefined {
  if (message.readInt32LE(12) !== OP_MSG || message[BEFORE_COMMAND - 1] !== 0) return undefined;
  const end = BEFORE_COMMAND + message.readInt32LE(BEFORE_COMMAND);
  return Object.keys(deserialize(message.subarray(BEFORE_COMMAND, end)))[0];
}

/** Passes on whole messages, one by one. */
function eachMessage(pass: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 16 && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      pass(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  };
}

/** Stands between the service and its database, to cut, stall and slow down their connections as a failing network would. */
export async function startProxy(uri: string) {
  const parts = partsOf(uri);
  const sockets = new Set<Socket>();
  let isCut = false;
  let delayMs = 0;
  let cutAt: string | undefined;
  /** By command: what to answer in the place of the database, or what becomes of its answer; once. */
  const instead = new Map<string, object | 'lost' | 'late' | 'twice'>();
  /** What is done between the two executions of a command. */
  let between: () => Promise<void> = async () => {};
  /** Answers that are late. */
  const late: (() => void)[] = [];
  /** What was to be passed on while it stood still; undefined where it does not. */
  let held: (() => void)[] | undefined;
  let sent = '';
  const commands: string[] = [];
  const forget = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    forget(client);
    if (isCut) return client.destroy();
    const upstream = connectTo(parts);
    forget(upstream);
    client.on('data', (chunk) => (sent += chunk.toString('latin1')));
    let isLate = false;
    const answers = new Transform({
      transform(chunk, _encoding, done) {
        const pass = () => done(null, chunk);
        if (isLate) late.push(pass);
        else if (held) held.push(pass);
        else if (delayMs > 0) setTimeout(pass, delayMs);
        else pass();
      },
    });
    const pass = eachMessage((message) => {
      if (cutAt !== undefined && message.includes(cutAt)) return cut();
      const command = commandOf(message) ?? '';
      commands.push(command);
      const other = instead.get(command);
      instead.delete(command);
      isLate = other === 'late';
      if (other === 'lost') {
        upstream.unpipe(answers).once('data', () => client.destroy());
        upstream.resume();
      }
      if (other === 'twice') {
        let count = 0;
        const passSecond = eachMessage((answer) => {
          count += 1;
          if (count < 2) {
            void between().then(() => upstream.write(message));
            return;
          }
          upstream.off('data', passSecond);
          answers.write(answer);
          upstream.pipe(answers);
        });
        upstream.unpipe(answers).on('data', passSecond).resume();
      }
      if (typeof other === 'object') client.write(replyTo(message, other));
      else upstream.write(message);
    });
    client.on('data', pass);
    upstream.pipe(answers).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    return client;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port }: Pick<AddressInfo, 'port'> = JSON.parse(JSON.stringify(server.address()));
  return {
    uri: uriOf(port, parts),
    /** What went to the database, a character a byte. */
    sent: () => sent,
    /** The names of the commands that went to the database. */
    commands: () => commands,
    /** Ends all connections and refuses new ones. */
    cut,
    /** The same, at the first message in which a text comes, which is lost. */
    cutAt(text: string) {
      cutAt = text;
    },
    /** Lets new connections through again. */
    restore() {
      isCut = false;
      cutAt = undefined;
      for (const socket of sockets) socket.destroy();
    },
    /** Passes on no answer of the database any more, as one that stands still. */
    stall() {
      held = [];
    },
    /** Passes on what was held back, and what comes. */
    resume() {
      const passing = [...(held ?? []), ...late.splice(0)];
      held = undefined;
      for (const pass of passing) pass();
    },
    /** Passes on each answer so much later; 0 for at once. */
    slowDown(byMs: number) {
      delayMs = byMs;
    },
    /** Answers the next command of that name in the place of the database. */
    answerInstead(command: string, document: object) {
      instead.set(command, document);
    },
    /** Lets the next command of that name through, and loses the answer with the connection. */
    loseAnswer(command: string) {
      instead.set(command, 'lost');
    },
    /**
     * Has the next command of that name executed twice, and passes on the second answer: a repeat of the driver, at a server
     * that does not recognize it.
     * @param doBetween - done between the two
     */
    repeat(command: string, doBetween = async () => {}) {
      between = doBetween;
      instead.set(command, 'twice');
    },
    /** Passes on the answer to the next command of that name only when it is told to resume. */
    delayAnswer(command: string) {
      instead.set(command, 'late');
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
