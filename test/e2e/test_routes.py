"""The openai package on the routes beside chat completions."""

import pytest

from world import DEEPSEEK, GEMINI, model

LIMIT = {"kind": "fault", "status": 429}


@pytest.fixture
def proxy(freefall, provider):
    """A chat model and an embedding model, of two accounts."""
    return freefall(
        providers={"openrouter": provider.as_openrouter() | {"keys": ["sk-or-one", "sk-or-two"]}},
        models=[model(GEMINI), model(DEEPSEEK, kind="embedding")])


def test_embeddings_keep_their_model(proxy, provider):
    provider.script(DEEPSEEK, LIMIT)
    raw = proxy.client().embeddings.with_raw_response.create(model="text-embedding-3-small", input=["one", "two", "one"])
    assert raw.headers["x-freefall-trail"] == f"{DEEPSEEK}=rate_limited; {DEEPSEEK}=ok"
    vectors = [e.embedding for e in raw.parse().data]
    assert len(vectors) == 3 and vectors[0] == vectors[2] != vectors[1]
    assert sum(x * x for x in vectors[0]) == pytest.approx(1, abs=1e-4)
    assert provider.hits(GEMINI) == 0


def test_text_completions(proxy, provider):
    client = proxy.client()
    whole = client.completions.create(model="auto", prompt="Say this", max_tokens=50)
    assert whole.object == "text_completion" and "Say this" in whole.choices[0].text
    assert whole.usage.total_tokens > 0
    assert provider.bodies(GEMINI)[-1]["messages"] == [{"role": "user", "content": "Say this"}]
    chunks = list(client.completions.create(model="auto", prompt="Say this", stream=True))
    assert "".join(c.choices[0].text for c in chunks if c.choices) == whole.choices[0].text
    assert chunks[-1].choices[0].finish_reason == "stop"
