import { arch, cpus, platform, totalmem } from 'node:os';
import type { BenchPlan } from './plan.ts';

/** The date, machine and plan of a bench run, as the results state them. */
export interface Environment {
  date: string;
  node: string;
  system: string;
  cpu: string;
  cores: number;
  memoryGigabytes: number;
  database: 'embedded' | 'MONGODB_URI';
  plan: BenchPlan;
}

export function environmentOf(plan: BenchPlan, uri: string | undefined): Environment {
  return {
    date: new Date().toISOString(),
    node: process.version,
    system: `${platform()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 1e9),
    database: uri ? 'MONGODB_URI' : 'embedded',
    plan,
  };
}

export function environmentLine({
  date,
  node,
  system,
  cpu,
  cores,
  memoryGigabytes,
  database,
  plan,
}: Environment): string {
  const quick = plan.mode === 'quick' ? '; measured with --quick, so the figures mean nothing' : '';
  return `${date.slice(0, 10)}, node ${node}, ${system}, ${cores} × ${cpu}, ${memoryGigabytes} GB; database: ${database}${quick}`;
}
