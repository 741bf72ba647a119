const { ApiError, createClient, listTasks } = require('recoup-tasks/client');

const client = createClient();
listTasks({ client, query: { limit: 5000 }, throwOnError: true }).catch((error) => {
  const { status, code } = error;
  process.stdout.write(JSON.stringify({ status, code, isApiError: error instanceof ApiError }));
});
