package fakellm

import "strings"

// Model is what the provider lists and serves.
type Model struct {
	ID         string
	Name       string // default: the id
	Host       string // who runs it behind the provider; default "Chutes"
	Context    int    // tokens; 0 = not told and not checked
	MaxOutput  int
	Tools      bool
	Vision     bool
	JSONSchema bool
	Reasoning  bool
	Price      float64 // USD per token, in and out; above 0 it costs money, unless the id ends in :free
	Expires    string  // YYYY-MM-DD, empty = never
}

// Free says whether asking it costs nothing.
func (m Model) Free() bool { return m.Price == 0 || strings.HasSuffix(m.ID, ":free") }

func (m Model) name() string {
	if m.Name == "" {
		return m.ID
	}
	return m.Name
}

func (m Model) host() string {
	if m.Host == "" {
		return "Chutes"
	}
	return m.Host
}

// Catalog is what a server lists unless it is told otherwise: the shipped chain, free models that a discovery finds, and
// some that cost money, two of them the paid form of one in the chain.
func Catalog() []Model {
	return []Model{
		{ID: "google/gemini-2.0-flash-exp:free", Name: "Google: Gemini 2.0 Flash Experimental (free)", Host: "Google AI Studio", Context: 1048576, MaxOutput: 8192, Tools: true, Vision: true, JSONSchema: true},
		{ID: "deepseek/deepseek-chat-v3-0324:free", Name: "DeepSeek: DeepSeek V3 0324 (free)", Context: 163840, MaxOutput: 16384, Tools: true, JSONSchema: true},
		{ID: "google/gemini-1.5-flash:free", Name: "Google: Gemini 1.5 Flash (free)", Host: "Google AI Studio", Context: 1000000, MaxOutput: 8192, Tools: true, Vision: true, JSONSchema: true},
		{ID: "google/gemini-1.5-flash-8b:free", Name: "Google: Gemini 1.5 Flash 8B (free)", Host: "Google AI Studio", Context: 1000000, MaxOutput: 8192, Tools: true, Vision: true, JSONSchema: true},
		{ID: "meta-llama/llama-3.2-3b-instruct:free", Name: "Meta: Llama 3.2 3B Instruct (free)", Host: "Venice", Context: 131072, MaxOutput: 4096},
		{ID: "nvidia/nemotron-3-ultra-550b-a55b:free", Name: "NVIDIA: Nemotron 3 Ultra (free)", Host: "Nvidia", Context: 1000000, MaxOutput: 65536, Tools: true, Reasoning: true},
		{ID: "google/gemma-4-31b-it:free", Name: "Google: Gemma 4 31B (free)", Host: "DeepInfra", Context: 262144, MaxOutput: 32768, Tools: true, Vision: true, Reasoning: true},
		{ID: "liquid/lfm-2.5-2.6b:free", Name: "LiquidAI: LFM 2.5 2.6B (free)", Host: "Liquid", Context: 65536, MaxOutput: 8192, Tools: true},
		{ID: "openai/gpt-4o-mini", Name: "OpenAI: GPT-4o-mini", Host: "OpenAI", Context: 128000, MaxOutput: 16384, Tools: true, Vision: true, JSONSchema: true, Price: 0.0000006},
		{ID: "deepseek/deepseek-chat-v3-0324", Name: "DeepSeek: DeepSeek V3 0324", Host: "DeepInfra", Context: 163840, MaxOutput: 16384, Tools: true, JSONSchema: true, Price: 0.0000005},
		{ID: "meta-llama/llama-3.2-3b-instruct", Name: "Meta: Llama 3.2 3B Instruct", Host: "DeepInfra", Context: 131072, MaxOutput: 16384, Price: 0.0000001},
	}
}
