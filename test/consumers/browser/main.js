import { createClient, listTasks } from 'recoup-tasks/client';

const { data } = await listTasks({ client: createClient(), query: { limit: 2 } });
document.title = `${data.tasks.length} tasks`;
