import java.util.Set;
import org.openapitools.client.ApiClient;
import org.openapitools.client.api.RunsApi;
import org.openapitools.client.api.TasksApi;
import org.openapitools.client.model.Run;
import org.openapitools.client.model.RunStatus;
import org.openapitools.client.model.RunsResponse;
import org.openapitools.client.model.Task;

/** Reads all tasks and runs with the client that openapi-generator makes. Arguments: the URL, then patterns to compile. */
public class Main {
  public static void main(String[] args) throws Exception {
    for (int at = 1; at < args.length; at++) java.util.regex.Pattern.compile(args[at]);
    ApiClient client = new ApiClient();
    client.updateBaseUri(args[0]);
    RunsApi api = new RunsApi(client);
    int tasks = 0, upcoming = 0, runs = 0, captions = 0;
    for (Task task : new TasksApi(client).listTasks(null, null, null, null, null, null, null, null, null).getTasks()) {
      tasks++;
      upcoming += task.getUpcoming().size();
    }
    String cursor = null;
    do {
      RunsResponse page = api.listRuns(null, 100, cursor, null, null, null, null, null);
      for (Run listed : page.getRuns()) {
        Run run = api.listRuns(listed.getId(), null, null, null, null, null, null, null).getRuns().get(0);
        runs++;
        if (run.getOutput() instanceof java.util.Map<?, ?> output && output.get("captionText") != null) captions++;
      }
      cursor = page.getNextCursor();
    } while (cursor != null);
    Set<RunStatus> statuses = Set.of(RunStatus.FAILED, RunStatus.CRASHED);
    int failed = api.listRuns(null, 100, null, null, null, statuses, null, null).getRuns().size();
    System.out.printf(
        "{\"tasks\":%d,\"upcoming\":%d,\"runs\":%d,\"captions\":%d,\"failed\":%d}", tasks, upcoming, runs, captions, failed);
  }
}
