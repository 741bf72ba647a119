/**
 * Loaded by `node --import` into every measured process. Replies to the bench's messages over IPC with the CPU and
 * memory used, the event loop delay, or a profile. Costs nothing until the first message.
 */
import { Session } from 'node:inspector/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Profiler } from 'node:inspector';
import type { Question, Usage } from './monitored.ts';

const RESOLUTION_MS = 1;
/** Matches the source files that compute `upcoming`, the next fire times of a task. */
const SCHEDULE_CODE = /\/src\/schedule\//;

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
const session = new Session();

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1_000, rssBytes: process.memoryUsage.rss() };
}

/**
 * Returns the share of a profile's busy time that was spent in src/schedule/ and in functions it called; NaN if the
 * process was idle.
 */
function scheduleShare({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): number {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const isSchedule = (id: number | undefined): boolean => {
    for (let at = id; at !== undefined; at = parents.get(at)) {
      if (SCHEDULE_CODE.test(byId.get(at)?.callFrame.url ?? '')) return true;
    }
    return false;
  };
  let busy = 0;
  let schedule = 0;
  for (const [index, id] of samples.entries()) {
    if (byId.get(id)?.callFrame.functionName === '(idle)') continue;
    const spent = timeDeltas[index] ?? 0;
    busy += spent;
    if (isSchedule(id)) schedule += spent;
  }
  return busy === 0 ? Number.NaN : schedule / busy;
}

async function answer({ ask }: Question): Promise<unknown> {
  switch (ask) {
    case 'usage':
      return usage();
    case 'watchDelay':
      delay.enable();
      delay.reset();
      return {};
    case 'longestDelay': {
      const longestMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
      delay.disable();
      return { longestMs };
    }
    case 'startProfile':
      session.connect();
      await session.post('Profiler.enable');
      await session.post('Profiler.start');
      return {};
    case 'endProfile': {
      const { profile } = await session.post('Profiler.stop');
      session.disconnect();
      return { scheduleShare: scheduleShare(profile) };
    }
  }
}

const isQuestion = (message: unknown): message is Question =>
  typeof message === 'object' && message !== null && 'ask' in message;

process.on('message', (message) => {
  if (isQuestion(message)) void answer(message).then((reply) => process.send?.(reply));
});
// The IPC channel must not keep the process alive. If the bench is killed, the process must end too.
process.channel?.unref();
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
