/**
 * Baseline (a): Express, the driver and res.json, without validation. If the request has no query, streams all tasks
 * in batches.
 */
import { once } from 'node:events';
import express, { type Response } from 'express';
import type { Collections } from '../../../src/store/collections.ts';
import { joinTasks, readTasks } from './read-tasks.ts';
import { serve } from './serve.ts';

const BATCH_SIZE = 100;

async function sendAll(collections: Collections, response: Response): Promise<void> {
  const cursor = collections.tasks.find({}, { batchSize: BATCH_SIZE }).sort({ created_at: -1, _id: 1 });
  response.type('json');
  let separator = '{"status":"success","tasks":[';
  while (await cursor.hasNext()) {
    const tasks = await joinTasks(collections, cursor.readBufferedDocuments());
    const text = separator + tasks.map((task) => JSON.stringify(task)).join(',');
    separator = ',';
    if (!response.write(text)) await once(response, 'drain');
  }
  response.end(']}');
}

await serve((collections) => {
  const app = express();
  app.use(express.json());

  app.get('/api/tasks', async (request, response) => {
    if (Object.keys(request.query).length === 0) return sendAll(collections, response);
    response.json({ status: 'success', tasks: await readTasks(collections, request.query) });
  });

  app.patch('/api/tasks', async (request, response) => {
    const { id, title } = request.body;
    await collections.tasks.updateOne({ _id: id }, { $set: { title }, $inc: { version: 1 } });
    response.json({ status: 'success' });
  });

  return app;
});
