package roster

import "time"

var zai = &Dialect{
	Name:       "zai",
	BaseURL:    "https://api.z.ai/api/paas/v4",
	Hosts:      []string{"api.z.ai"},
	KeyVars:    []string{"ZAI_API_KEY"},
	FirstToken: time.Minute, // 41 s were seen of glm-4.7-flash: freellmapi, 2026-08-22
	Notes: []string{
		"The Flash models are free (glm-4.5-flash, glm-4.6v-flash, glm-4.7-flash; docs.z.ai, 2026-08-23); how many may run at once is not published.",
	},
}
