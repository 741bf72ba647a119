// Reads all tasks and runs with the client that oapi-codegen makes. Arguments: the URL, then patterns to compile.
package main

import (
	"context"
	"encoding/json"
	"os"
	"regexp"

	"generated/api"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	for _, pattern := range os.Args[2:] {
		regexp.MustCompile(pattern)
	}
	client, err := api.NewClientWithResponses(os.Args[1])
	check(err)
	runsOf := func(params api.ListRunsParams) *api.RunsResponse {
		reply, err := client.ListRunsWithResponse(context.Background(), &params)
		check(err)
		return reply.JSON200
	}
	counts := map[string]int{}
	listing, err := client.ListTasksWithResponse(context.Background(), &api.ListTasksParams{})
	check(err)
	for _, task := range listing.JSON200.Tasks {
		counts["tasks"]++
		counts["upcoming"] += len(task.Upcoming)
	}
	limit := int32(100)
	for params := (api.ListRunsParams{Limit: &limit}); ; {
		page := runsOf(params)
		for _, listed := range page.Runs {
			run := runsOf(api.ListRunsParams{RunId: &listed.Id}).Runs[0]
			counts["runs"]++
			if output, ok := run.Output.(map[string]any); ok && output["captionText"] != nil {
				counts["captions"]++
			}
		}
		if params.Cursor = page.NextCursor; params.Cursor == nil {
			break
		}
	}
	statuses := []api.RunStatus{api.RunStatusFAILED, api.RunStatusCRASHED}
	counts["failed"] = len(runsOf(api.ListRunsParams{Limit: &limit, Status: &statuses}).Runs)
	check(json.NewEncoder(os.Stdout).Encode(counts))
}
