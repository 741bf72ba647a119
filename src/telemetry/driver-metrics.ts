import type { MongoClient } from 'mongodb';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Measures the database as the driver sees it. A command's duration is the time for which a connection was checked out.
 * The driver's command monitoring is more precise, but decodes each reply a second time.
 */
export function measureDriver(client: MongoClient, registry: Registry): void {
  const registers = [registry];
  const up = new Gauge({
    name: 'mongodb_up',
    help: 'Whether the driver knows a reachable database server.',
    registers,
  });
  const open = new Gauge({
    name: 'mongodb_connections',
    help: "Open connections of the driver's pool.",
    registers,
  });
  const out = new Gauge({
    name: 'mongodb_connections_in_use',
    help: 'Connections in use by a command.',
    registers,
  });
  const waits = new Histogram({
    name: 'mongodb_connection_wait_seconds',
    help: 'Time that a command waited for a connection.',
    buckets: SECONDS,
    registers,
  });
  const uses = new Histogram({
    name: 'mongodb_command_duration_seconds',
    help: 'Time that a command used a connection, from sending it to its reply.',
    buckets: SECONDS,
    registers,
  });
  const failures = new Counter({
    name: 'mongodb_connection_failures_total',
    help: 'Commands that failed to get a connection, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const takenAt = new Map<string, number>();
  const nameOf = (event: { address: string; connectionId: number | '<monitor>' }) =>
    `${event.address} ${event.connectionId}`;

  client.on('topologyDescriptionChanged', ({ newDescription }) =>
    up.set(newDescription.hasKnownServers ? 1 : 0),
  );
  client.on('topologyClosed', () => up.set(0));
  client.on('connectionCreated', () => open.inc());
  client.on('connectionClosed', () => open.dec());
  client.on('connectionCheckedOut', (event) => {
    out.inc();
    waits.observe(event.durationMS / 1_000);
    takenAt.set(nameOf(event), performance.now());
  });
  client.on('connectionCheckedIn', (event) => {
    out.dec();
    const since = takenAt.get(nameOf(event));
    if (since !== undefined) uses.observe((performance.now() - since) / 1_000);
    takenAt.delete(nameOf(event));
  });
  client.on('connectionCheckOutFailed', ({ reason }) => failures.inc({ reason }));
}
