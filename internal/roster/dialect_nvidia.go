package roster

import (
	"time"

	"freefall/internal/openai"
)

var nvidia = &Dialect{
	Name:    "nvidia",
	BaseURL: "https://integrate.api.nvidia.com/v1",
	Hosts:   []string{"integrate.api.nvidia.com"},
	KeyVars: []string{"NVIDIA_API_KEY"},

	// Of a key and a model; nominal, and lower for models in demand.
	Model:      Limits{RPM: 40},
	From:       "diegosouzapw/OmniRoute#6846",
	Read:       "2026-07-18",
	FirstToken: time.Minute, // the head comes at once, the first byte of a large prompt may take minutes: freellmapi, 2026-08-22

	// Some of its models refuse parallel calls: freellmapi#255.
	Edits: openai.Edits{WithTools: [][2]string{{"parallel_tool_calls", "false"}}},
	Notes: []string{
		"Its list names more than it serves: of 80 models the 46 for chat were tried, and most were 404 (free-coding-models 0.5.92, 2026-09-09).",
	},
}
