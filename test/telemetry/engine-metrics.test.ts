import { expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { type EngineState, EngineMetrics } from '../../src/telemetry/engine-metrics.ts';

test('the metrics of an engine show its state at each scrape, and 0 for what it does not have', async () => {
  const registry = new Registry();
  let state: EngineState | undefined;
  const metrics = new EngineMetrics(registry, () => state);
  metrics.lostLease();
  const shown = async () => {
    const lines = (await registry.metrics()).split('\n').filter((line) => /^engine_[a-z_]+ \d/.test(line));
    return Object.fromEntries(lines.map((line) => line.replace('engine_', '').split(' ')));
  };
  const nothing = { active: '0', problem: '0', runs_queued: '0', runs_running: '0' };
  const figures = { runs_pending: '0', runs_behind_seconds: '0', stray_schedules: '0' };
  expect(await shown()).toMatchObject({ ...nothing, ...figures, lost_leases_total: '1' });
  state = { live: true, problem: 'Trigger.dev is down', pending: 3, behindSeconds: 40, strays: 6 };
  expect(await shown()).toMatchObject({
    active: '1',
    problem: '1',
    runs_pending: '3',
    runs_behind_seconds: '40',
    stray_schedules: '6',
  });
});
