/** The requests of the original's consumers, header by header, and the service that they talk to. */
import { type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import type { Run, RunReport, Task } from '../../generated/types.gen.ts';
import { ACCOUNT, ARTIST } from '../support/builders.ts';
import { assertContract } from '../support/contract.ts';
import { NOW, startService } from '../support/service.ts';

export const ARTIST_NAME = 'Juno Vale';
export const OWNER_EMAIL = 'mira@northlight.example';
/** The origin of the web app's pages, as CORS_ORIGINS names it. */
export const WEB_APP = 'https://chat.recoup.example';

/** Statuses at which consumers stop polling a run. */
export const ENDED = ['COMPLETED', 'FAILED', 'CRASHED', 'CANCELED', 'SYSTEM_FAILURE', 'INTERRUPTED'];

/** The service with one account that owns tasks, its artist, a key of that account and an admin key. */
export async function startForConsumers() {
  const service = await startService('required', { corsOrigins: [WEB_APP] });
  await service.collections.accounts.insertMany([
    { _id: ACCOUNT, email: OWNER_EMAIL },
    { _id: ARTIST, name: ARTIST_NAME },
  ]);
  const { key } = await service.keys.create({ name: 'of an account', accountId: ACCOUNT }, NOW);
  const { key: adminKey } = await service.keys.create({ name: 'of an admin', scope: 'admin' }, NOW);
  return {
    ...service,
    key,
    adminKey,
    /** Reports a run as the engine does. */
    async report(task_id: string, run: RunReport) {
      const response = await service.request('/api/tasks/runs', {
        method: 'PUT',
        headers: { 'x-api-key': adminKey, 'Content-Type': 'application/json' },
        body: JSON.stringify({ task_id, runs: [run] }),
      });
      if (response.status !== 200) throw new Error(await response.text());
    },
  };
}

type Header = [name: string, value: string];

/** Headers that a program adds to those that its code sets. */
export const added = {
  /** Chromium, for a page of the web app. */
  browser: (own: Header[]): Header[] => [
    ['Connection', 'keep-alive'],
    ['sec-ch-ua-platform', '"macOS"'],
    ...own,
    ['User-Agent', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/142.0.0.0'],
    ['Accept', '*/*'],
    ['Origin', WEB_APP],
    ['Sec-Fetch-Site', 'cross-site'],
    ['Sec-Fetch-Mode', 'cors'],
    ['Sec-Fetch-Dest', 'empty'],
    ['Referer', `${WEB_APP}/`],
    ['Accept-Encoding', 'gzip, deflate, br, zstd'],
    ['Accept-Language', 'en-US,en;q=0.9'],
  ],
  /** The fetch of Node. */
  node: (own: Header[]): Header[] => [
    ['connection', 'keep-alive'],
    ...own,
    ['accept', '*/*'],
    ['accept-language', '*'],
    ['sec-fetch-mode', 'cors'],
    ['user-agent', 'node'],
    ['accept-encoding', 'gzip, deflate'],
  ],
  curl: (own: Header[]): Header[] => [['User-Agent', 'curl/8.7.1'], ['Accept', '*/*'], ...own],
  /** The requests library of Python. */
  python: (own: Header[]): Header[] => [
    ['User-Agent', 'python-requests/2.32.5'],
    ['Accept-Encoding', 'gzip, deflate'],
    ['Accept', '*/*'],
    ['Connection', 'keep-alive'],
    ...own,
  ],
};

interface Sent {
  method: string;
  path: string;
  headers: Header[];
  /** A text is sent as it is, anything else as JSON. */
  body?: unknown;
}

/** What consumers read of a reply. */
interface Body {
  status: string;
  error?: string;
  tasks?: Task[];
  runs?: Run[];
  next_cursor?: string;
}

/** Sends a request with these headers, Host and Content-Length, and no others. */
export async function exchange({ port }: { port: number }, { method, path, headers, body }: Sent) {
  const content = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
  const length = content === undefined ? [] : ['Content-Length', String(Buffer.byteLength(content))];
  const all = ['Host', `127.0.0.1:${port}`, ...headers.flat(), ...length];
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers: all }, resolve);
    outgoing.on('error', reject);
    outgoing.end(content);
  });
  const status = Number(incoming.statusCode);
  const replyHeaders = new Headers(
    Object.entries(incoming.headersDistinct).flatMap(([name, values = []]) =>
      values.map((value): Header => [name, value]),
    ),
  );
  const bytes = await buffer(incoming);
  const text = String(replyHeaders.get('content-encoding') === 'gzip' ? gunzipSync(bytes) : bytes);
  const reply = { method, path: path.replace(/\?.*/, ''), status, headers: replyHeaders, text };
  // A preflight ends before it reaches the contract.
  if (method !== 'OPTIONS') assertContract(reply);
  const parsed: Body | undefined = text === '' ? undefined : JSON.parse(text);
  return { status, headers: replyHeaders, body: parsed };
}
