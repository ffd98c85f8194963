package proxy

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"freefall/fallback"
	"freefall/internal/fakellm"
)

// overflow is what agents (Cline, Roo Code, opencode, pi, Letta, LangChain's middleware, LiteLLM) look for in an error to know that they
// have to shorten the conversation.
var overflow = regexp.MustCompile(`prompt is too long: .*is longer than the model's context length.* maximum context length .*reduce the length of the messages`)

func TestProgramsKnowThatAConversationIsTooLong(t *testing.T) {
	small := chain("a", "b")
	small[0].Context, small[1].Context = 100, 3000
	inBubble(t, plan{models: small}, func(w *world) {
		got := w.chat(`{"messages":[{"role":"user","content":"` + strings.Repeat("word ", 8000) + `"}]}`)
		if text := got.err().Message; !overflow.MatchString(text) || !strings.Contains(text, "is 3000 tokens") {
			t.Errorf("too long by our count: %d %s", got.status, text)
		}
	})
	large := chain("a")
	large[0].Context = 100_000
	inBubble(t, plan{models: large}, func(w *world) {
		w.fake().Script("a", fakellm.FromSample("openai-400-context").Forever())
		got := w.chat(plainBody)
		if text := got.err().Message; !overflow.MatchString(text) || strings.Contains(text, "100000") {
			t.Errorf("too long by the provider's: %d %s", got.status, text)
		}
	})
}

// Who declines what a request says has not failed, and the client is told which of the two it was.
func TestWhoDeclinedTheContent(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b")}, func(w *world) {
		w.fake().Script("a", fakellm.FromSample("or-403-moderation").Forever())
		w.fake().Script("b", fakellm.Fault(500).Forever())
		got := w.chat(plainBody)
		if text := got.err().Message; got.status != 503 || !strings.Contains(text, "a: content policy, b: failed just now (upstream fault)") {
			t.Errorf("%d %q %s", got.status, got.trail(), text)
		}
	})
}

func TestAChainThatNamesNobody(t *testing.T) {
	p := plan{models: chain("a"), pool: fallback.Config{Chains: []fallback.Chain{{Name: "code", Models: []string{"coder/*"}}}}}
	inBubble(t, p, func(w *world) {
		got := w.chat(`{"model":"freefall/code","messages":[{"role":"user","content":"hi"}]}`)
		if got.status != 503 || got.err().Code != codeExhausted || !strings.Contains(got.err().Message, "its patterns in models.yaml name none") {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

// What is for embeddings is no reason why nobody chats.
func TestOthersTradesAreNoReasons(t *testing.T) {
	models := chain("a", "e")
	models[1].Kind = fallback.Embedding
	inBubble(t, plan{models: models}, func(w *world) {
		w.fake().Script("a", fakellm.Fault(500).Forever())
		if text := w.chat(plainBody).err().Message; !strings.HasSuffix(text, "a: failed just now (upstream fault)") {
			t.Error(text)
		}
	})
}

// A long chain's advice names some, and says how many more there are: those for something else are not among them.
func TestAdviceNamesSome(t *testing.T) {
	var ids []string
	for n := range adviceRows + 3 {
		ids = append(ids, fmt.Sprintf("m%d", n))
	}
	models := chain(append(ids, "e")...)
	models[len(ids)].Kind = fallback.Embedding
	inBubble(t, plan{models: models}, func(w *world) {
		for _, id := range ids {
			w.fake().Script(id, fakellm.Fault(500).Forever())
		}
		text := w.chat(plainBody).err().Message
		if last := ids[adviceRows-1] + ": "; !strings.Contains(text, last) || !strings.HasSuffix(text, ", and 3 more") || strings.Contains(text, ids[adviceRows]+": ") {
			t.Error(text)
		}
	})
}

func TestEmbeddingsWithoutAModelForThem(t *testing.T) {
	inBubble(t, plan{models: chain("a", "b")}, func(w *world) {
		got := w.do("POST", "/v1/embeddings", `{"model":"text-embedding-3-small","input":"hello"}`)
		if got.status != 400 || got.err().Code != "unsupported_feature" || !strings.Contains(got.err().Message, "kind: embedding") {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

func TestEmbeddingsOfAChatModel(t *testing.T) {
	models := chain("a", "b")
	models[1].Kind = fallback.Embedding
	inBubble(t, plan{models: models}, func(w *world) {
		got := w.do("POST", "/v1/embeddings", `{"model":"a","input":"hello"}`)
		if text := got.err().Message; got.status != 400 || !strings.HasPrefix(text, "a is a chat model") || strings.Contains(text, "configured") {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}
