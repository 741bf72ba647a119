/** The load generator's process: takes one job after the other over IPC. */
import { type Job, type LoadResult, generateLoad } from './load.ts';

/** What it answers. */
export type LoadReply = { result: LoadResult } | { problem: string };

const answer = (reply: LoadReply) => process.send?.(reply);

process.on('message', (job: Job) => {
  generateLoad(job).then(
    (result) => answer({ result }),
    (error: unknown) => answer({ problem: error instanceof Error ? error.message : String(error) }),
  );
});
// monitor.ts has let go of it, and nothing else keeps the process.
process.channel?.ref();
