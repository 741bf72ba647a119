import { type Attributes, type Span, SpanStatusCode } from '@opentelemetry/api';
import type { CommandFailedEvent, CommandStartedEvent, CommandSucceededEvent, MongoClient } from 'mongodb';

type StartSpan = (name: string, attributes: Attributes) => Span | undefined;

const nameOf = ({ address, requestId }: CommandStartedEvent | CommandSucceededEvent | CommandFailedEvent) =>
  `${address} ${requestId}`;

/**
 * Returns the collection that a command names: `getMore` in the field `collection`, every other command of this service
 * in the field with its own name.
 */
function collectionOf({ commandName, command }: CommandStartedEvent): string | undefined {
  const named: unknown = command[commandName === 'getMore' ? 'collection' : commandName];
  return typeof named === 'string' ? named : undefined;
}

/**
 * Records a span for each driver command: its name, collection and duration, but neither filters nor results.
 */
export function traceDriver(client: MongoClient, startSpan: StartSpan): void {
  const spans = new Map<string, Span>();
  client.on('commandStarted', (event) => {
    const { commandName, databaseName } = event;
    const collection = collectionOf(event);
    const span = startSpan(collection === undefined ? commandName : `${commandName} ${collection}`, {
      'db.system.name': 'mongodb',
      'db.namespace': databaseName,
      'db.operation.name': commandName,
      ...(collection !== undefined && { 'db.collection.name': collection }),
    });
    if (span) spans.set(nameOf(event), span);
  });
  client.on('commandSucceeded', (event) => {
    spans.get(nameOf(event))?.end();
    spans.delete(nameOf(event));
  });
  client.on('commandFailed', (event) => {
    const span = spans.get(nameOf(event));
    span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.setAttribute('error.type', event.failure.name);
    span?.end();
    spans.delete(nameOf(event));
  });
}
