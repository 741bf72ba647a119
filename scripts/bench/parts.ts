import type { Part } from './part.ts';
import { crons } from './parts/crons.ts';
import { engine } from './parts/engine.ts';
import { fireTimes } from './parts/fire-times.ts';
import { growth } from './parts/growth.ts';
import { gzip } from './parts/gzip.ts';
import { listing } from './parts/listing.ts';
import { notModified } from './parts/not-modified.ts';
import { oneTask } from './parts/one-task.ts';
import { start } from './parts/start.ts';
import { summary } from './parts/summary.ts';
import { whole } from './parts/whole.ts';

/** All parts of the bench, in the order of the printed tables. */
export const parts: Part[] = [
  listing,
  oneTask,
  notModified,
  gzip,
  summary,
  whole,
  growth,
  crons,
  fireTimes,
  engine,
  start,
];
