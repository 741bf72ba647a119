import { type Attributes, type Span, SpanStatusCode } from '@opentelemetry/api';
import type { CommandFailedEvent, CommandStartedEvent, CommandSucceededEvent, MongoClient } from 'mongodb';

type StartSpan = (name: string, attributes: Attributes) => Span | undefined;

const nameOf = ({ address, requestId }: CommandStartedEvent | CommandSucceededEvent | CommandFailedEvent) =>
  `${address} ${requestId}`;

/** What a command is about: the collection that it names first, as every command of the service does. */
function collectionOf({ commandName, command }: CommandStartedEvent): string | undefined {
  const named: unknown = command[commandName === 'getMore' ? 'collection' : commandName];
  return typeof named === 'string' ? named : undefined;
}

/** Makes spans of the driver's commands: which kind, on which collection, and how long; never what was asked or found. */
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
