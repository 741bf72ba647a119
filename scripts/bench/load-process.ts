/** The process that generates load. Executes one job at a time, which it receives over IPC. */
import { type Job, type LoadResult, generateLoad } from './load.ts';

/** The reply to a job: its result, or the message of the error that ended it. */
export type LoadReply = { result: LoadResult } | { problem: string };

const answer = (reply: LoadReply) => process.send?.(reply);

process.on('message', (job: Job) => {
  generateLoad(job).then(
    (result) => answer({ result }),
    (error: unknown) => answer({ problem: error instanceof Error ? error.message : String(error) }),
  );
});
// Keep the process alive for further jobs, because monitor.ts has unreferenced the IPC channel.
process.channel?.ref();
