import type { SampleAccount } from './sample.ts';

/**
 * The example of the published reference of GET /api/tasks, value for value; the enum fields that it leaves out are
 * COMPLETED. Its task is the oldest, so that it comes last in listings.
 */
export const referenceExample: SampleAccount = {
  account: { _id: '3c90c3cc-0d44-4b50-8888-8dd25736052a', email: '<string>' },
  tasks: [
    {
      task: {
        _id: '3c90c3cc-0d44-4b50-8888-8dd25736052a',
        title: '<string>',
        prompt: '<string>',
        schedule: '<string>',
        account_id: '3c90c3cc-0d44-4b50-8888-8dd25736052a',
        artist_account_id: '3c90c3cc-0d44-4b50-8888-8dd25736052a',
        enabled: true,
        trigger_schedule_id: '<string>',
        model: '<string>',
        created_at: new Date('2023-11-07T05:31:56Z'),
      },
      runs: [
        {
          id: '<string>',
          status: 'COMPLETED',
          taskIdentifier: '<string>',
          createdAt: '2023-11-07T05:31:56Z',
          updatedAt: '2023-11-07T05:31:56Z',
          idempotencyKey: '<string>',
          version: '<string>',
          isTest: true,
          startedAt: '2023-11-07T05:31:56Z',
          finishedAt: '2023-11-07T05:31:56Z',
          delayedUntil: '2023-11-07T05:31:56Z',
          ttl: '<unknown>',
          expiredAt: '2023-11-07T05:31:56Z',
          tags: ['<string>'],
          metadata: {},
          costInCents: 123,
          baseCostInCents: 123,
          durationMs: 123,
          env: { id: '<string>', name: '<string>', user: '<string>' },
          depth: 123,
          batchId: '<string>',
          payload: '<unknown>',
          output: {
            videoSourceUrl: '<string>',
            imageUrl: '<string>',
            captionText: '<string>',
            template: 'artist-caption-bedroom',
            lipsync: true,
            audio: {
              songTitle: '<string>',
              songFilename: '<string>',
              startSeconds: 123,
              durationSeconds: 123,
              clipLyrics: '<string>',
              clipMood: '<string>',
            },
          },
          error: { message: '<string>', name: '<string>', stackTrace: '<string>' },
          attempts: [
            {
              id: '<string>',
              status: 'COMPLETED',
              createdAt: '2023-11-07T05:31:56Z',
              updatedAt: '2023-11-07T05:31:56Z',
              startedAt: '2023-11-07T05:31:56Z',
              completedAt: '2023-11-07T05:31:56Z',
              error: { message: '<string>', name: '<string>', stackTrace: '<string>' },
            },
          ],
          schedule: {},
          relatedRuns: {},
        },
      ],
    },
  ],
};
