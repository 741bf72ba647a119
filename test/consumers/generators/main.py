"""Reads all tasks and runs with the client of openapi-python-client. Arguments: the URL, then patterns to compile."""

import json
import re
import sys

from recoup_tasks_api_client import Client
from recoup_tasks_api_client.api.runs import list_runs
from recoup_tasks_api_client.api.tasks import list_tasks
from recoup_tasks_api_client.models import RunStatus
from recoup_tasks_api_client.types import UNSET

for pattern in sys.argv[2:]:
    re.compile(pattern)
client = Client(base_url=sys.argv[1], raise_on_unexpected_status=True)
tasks = list_tasks.sync(client=client).tasks
runs = []
cursor = UNSET
while True:
    page = list_runs.sync(client=client, limit=100, cursor=cursor)
    runs += [list_runs.sync(client=client, run_id=run.id).runs[0] for run in page.runs]
    cursor = page.next_cursor
    if cursor is UNSET:
        break
failed = list_runs.sync(client=client, limit=100, status=[RunStatus.FAILED, RunStatus.CRASHED]).runs
counts = {
    "tasks": len(tasks),
    "upcoming": sum(len(task.upcoming) for task in tasks),
    "runs": len(runs),
    "captions": sum(isinstance(run.output, dict) and "captionText" in run.output for run in runs),
    "failed": len(failed),
}
print(json.dumps(counts))
