package roster

var huggingface = &Dialect{
	Name:    "huggingface",
	BaseURL: "https://router.huggingface.co/v1",
	Hosts:   []string{"router.huggingface.co"},
	KeyVars: []string{"HF_TOKEN"},
	Notes: []string{
		"0.10 USD of credits a month (huggingface.co/docs/inference-providers, 2026-07-18); when they are spent it says so, and rests until the month ends.",
		"The model is served by one of many hosts, each with its own policy.",
	},
}
