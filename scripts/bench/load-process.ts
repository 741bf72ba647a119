/** The load generator's process: takes one job after the other over IPC. */
import { type Job, generateLoad } from './load.ts';

process.on('message', (job: Job) => {
  generateLoad(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ problem: error instanceof Error ? error.message : String(error) }),
  );
});
process.once('disconnect', () => process.exit());
