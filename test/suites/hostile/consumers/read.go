// Reads records as Go's encoding/json does, one a line, and prints what it took each for. It ends at the first that it cannot read.
package main

import (
	"bufio"
	"encoding/json"
	"os"
)

type record struct {
	Timestamp   int64             `json:"timestamp"`
	StatusCode  *uint16           `json:"status_code,omitempty"`
	Value       float64           `json:"value"`
	DurationMs  *float64          `json:"duration_ms,omitempty"`
	ServiceName string            `json:"service_name"`
	MetricName  string            `json:"metric_name"`
	MetricType  string            `json:"metric_type"`
	Environment string            `json:"environment"`
	Tags        map[string]string `json:"tags,omitempty"`
}

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var typed record
		var loose map[string]any
		for _, into := range []any{&typed, &loose} {
			if err := json.Unmarshal(line, into); err != nil {
				os.Stderr.WriteString(err.Error() + ": " + string(line))
				os.Exit(1)
			}
		}
		out.Encode(typed)
	}
}
