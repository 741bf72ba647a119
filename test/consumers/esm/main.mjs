import { createClient, listTasks, pagesOf } from 'recoup-tasks/client';

const client = createClient();
const { data } = await listTasks({ client, query: { limit: 1 }, throwOnError: true });
let count = 0;
for await (const page of pagesOf(listTasks, { client, query: { limit: 5 } })) count += page.tasks.length;
process.stdout.write(JSON.stringify({ first: data.tasks.length, count }));
