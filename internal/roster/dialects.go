package roster

var dialects = []*Dialect{openrouter, google, groq, cerebras, mistral, nvidia, cloudflare, huggingface, cohere, zai, ollamaCloud, ollama, llamacpp, openAI}

const rolling = "rolling"
