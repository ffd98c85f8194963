package roster

import (
	"testing"

	"freefall/fallback"
)

func TestTraining(t *testing.T) {
	tests := []struct {
		dialect, free, url, id string
		want                   fallback.Training
	}{
		{"openrouter", "auto", "https://openrouter.ai/api/v1", "a/b:free", fallback.MayTrain},
		{"groq", "plan", "https://api.groq.com/openai/v1", "llama", fallback.NeverTrains},
		{"nvidia", "plan", "https://integrate.api.nvidia.com/v1", "m", fallback.TrainingUnknown},
		{"openai", "auto", "https://api.openai.com/v1", "gpt-4o", fallback.NeverTrains},

		// Who is at the host counts, not how it is said to speak.
		{"groq", "plan", "https://generativelanguage.googleapis.com/v1beta/openai", "m", fallback.MayTrain},
		{"llamacpp", "local", "https://API.mistral.ai./v1", "m", fallback.MayTrain},
		{"openai", "plan", "https://llm.example.org/v1", "m", fallback.TrainingUnknown},
		{"groq", "plan", "https://llm.example.org/v1", "m", fallback.TrainingUnknown},
		{"openai", "plan", "https://api.groq.com@evil.example.org/v1", "m", fallback.TrainingUnknown},

		{"ollama", "auto", "http://localhost:11434/v1", "llama3.2:3b", fallback.NeverTrains},
		{"ollama", "auto", "http://ollama:11434/v1", "llama3.2:3b", fallback.NeverTrains},
		{"ollama", "plan", "http://localhost:11434/v1", "gpt-oss:120b-cloud", ollamaCloud.Training},
		{"openai", "auto", "http://192.168.1.7:8000/v1", "m", fallback.NeverTrains},
		{"openai", "local", "http://gpu.lan:8000/v1", "m", fallback.NeverTrains},
		{"openrouter", "auto", "http://127.0.0.1:4000/v1", "a/b:free", fallback.MayTrain},
		{"nvidia", "auto", "http://127.0.0.1:4000/v1", "m", fallback.TrainingUnknown},
		{"openai", "auto", "http://gpu.lan:8000/v1", "m", fallback.TrainingUnknown},
	}
	for _, tt := range tests {
		if got := Training(Claim{Provider: "p", Dialect: ByName(tt.dialect), Free: tt.free, BaseURL: tt.url, ID: tt.id}); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}
