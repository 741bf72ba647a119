import { type AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { at, isObject } from './json.ts';

/** A span as a collector is sent it. */
export interface ReceivedSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  status: number;
  attributes: Record<string, unknown>;
}

const attributesOf = (list: unknown): Record<string, unknown> =>
  Object.fromEntries(
    (Array.isArray(list) ? list : []).map((one) => {
      const value = at(one, 'value');
      return [String(at(one, 'key')), isObject(value) ? Object.values(value)[0] : undefined];
    }),
  );

const all = (list: unknown): unknown[] => (Array.isArray(list) ? list : []);

/** A collector of OpenTelemetry that takes traces by OTLP/HTTP in JSON, or lets its clients wait for ever. */
export async function startCollector({ silent = false } = {}) {
  const spans: ReceivedSpan[] = [];
  const bodies: string[] = [];
  const resources: Record<string, unknown>[] = [];
  const server = createServer(async (request, response) => {
    const body = await json(request);
    bodies.push(JSON.stringify(body));
    if (silent) return;
    for (const resource of all(at(body, 'resourceSpans'))) {
      resources.push(attributesOf(at(resource, 'resource', 'attributes')));
      for (const span of all(at(resource, 'scopeSpans')).flatMap((scope) => all(at(scope, 'spans')))) {
        const parent = at(span, 'parentSpanId');
        spans.push({
          name: String(at(span, 'name')),
          kind: Number(at(span, 'kind')),
          traceId: String(at(span, 'traceId')),
          spanId: String(at(span, 'spanId')),
          ...(typeof parent === 'string' && parent !== '' && { parentSpanId: parent }),
          status: Number(at(span, 'status', 'code') ?? 0),
          attributes: attributesOf(at(span, 'attributes')),
        });
      }
    }
    response.setHeader('Content-Type', 'application/json').end('{}');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port }: Pick<AddressInfo, 'port'> = JSON.parse(JSON.stringify(server.address()));
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    bodies,
    resources,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
