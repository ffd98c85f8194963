"""A real model answers behind a model at its limit: llama.cpp's server with SmolLM2-135M."""

import asyncio

import openai
import pydantic
import pytest

import llama_server
from world import GEMINI, model

PATIENT = {"first_token": "60s", "answer": "60s", "idle": "60s", "total": "100s"}  # a small machine may be busy
ASK = {
    "model": GEMINI,
    "messages": [{"role": "user", "content": "Name the largest planet."}],
    "temperature": 0,
    "seed": 1,
    "max_tokens": 32,
}


@pytest.fixture
def proxy(freefall, provider, llama):
    """Gemini first, refusing everything; the real model behind it."""
    provider.script(GEMINI, {"kind": "limit", "always": True, "limit": {"scope": "model", "requests": 0, "per": "60s"}})
    return freefall(
        providers={
            "openrouter": provider.as_openrouter(),
            "local": {"base_url": llama + "/v1", "dialect": "llamacpp", "keys": [], "discover": "off"},
        },
        models=[
            model(GEMINI),
            model(llama_server.MODEL, "local", supports_tools=False, supports_vision=False),
        ],
        timeouts=PATIENT)


@pytest.fixture
def said(llama):
    """What the real model says when it is asked without freefall."""
    client = openai.OpenAI(base_url=llama + "/v1", api_key="unused")
    text = client.chat.completions.create(**ASK | {"model": llama_server.MODEL}).choices[0].message.content
    assert len(text) > 40
    return text


def test_plain(proxy, provider, said):
    raw = proxy.client().chat.completions.with_raw_response.create(**ASK)
    answer = raw.parse()
    assert answer.choices[0].message.content == said
    assert answer.model == llama_server.MODEL
    assert answer.usage.completion_tokens == 32
    assert raw.headers["x-freefall-model"] == llama_server.MODEL
    assert raw.headers["x-freefall-provider"] == "local"
    assert raw.headers["x-freefall-attempts"] == "2"
    assert raw.headers["x-freefall-trail"] == f"{GEMINI}=rate_limited; {llama_server.MODEL}=ok"
    assert provider.hits(GEMINI) == 1


def test_the_limited_model_is_left_alone(proxy, provider, said):
    for _ in range(3):
        assert proxy.client().chat.completions.create(**ASK).choices[0].message.content == said
    assert provider.hits(GEMINI) == 1


def test_streamed(proxy, said):
    with proxy.client().chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True}) as stream:
        chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == said
    assert len({c.id for c in chunks}) == 1
    assert [c.usage.completion_tokens for c in chunks if c.usage] == [32]
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "length"


def test_async(proxy, said):
    async def ask_both():
        client = proxy.async_client()
        plain, stream = await asyncio.gather(
            client.chat.completions.create(**ASK), client.chat.completions.create(**ASK, stream=True))
        streamed = [c.choices[0].delta.content or "" async for c in stream if c.choices]
        return plain.choices[0].message.content, "".join(streamed)

    assert asyncio.run(ask_both()) == (said, said)


def test_structured_output(proxy):
    class Person(pydantic.BaseModel):
        name: str
        age: int

    answer = proxy.client().chat.completions.parse(
        model=GEMINI, messages=[{"role": "user", "content": "Ana is 31 years old."}],
        response_format=Person, temperature=0, max_tokens=64)
    assert answer.choices[0].message.parsed == Person(name="Ana", age=31)


def test_an_invalid_request_of_ours(proxy, provider):
    """Freefall refuses what no model could answer, and asks none."""
    with pytest.raises(openai.BadRequestError) as refusal:
        proxy.client().post("/chat/completions", body={"model": GEMINI}, cast_to=object)
    assert refusal.value.param == "messages"
    assert refusal.value.type == "invalid_request_error"
    assert refusal.value.response.headers["x-freefall-attempts"] == "0"
    assert provider.requests() == []


def test_an_invalid_request_of_the_models(proxy):
    """What only the model can refuse comes back in its own words, and rests nothing."""
    with pytest.raises(openai.BadRequestError) as refusal:
        proxy.client().chat.completions.create(**ASK, response_format={"type": "haiku"})
    headers = refusal.value.response.headers
    assert headers["x-freefall-model"] == llama_server.MODEL
    assert headers["x-freefall-trail"] == f"{GEMINI}=rate_limited; {llama_server.MODEL}=invalid_request"
    assert "haiku" in refusal.value.message
    assert proxy.row(llama_server.MODEL)["failure_count"] == 0


def test_too_long_for_the_real_model(freefall, llama):
    """A context that llama.cpp itself finds too small is the size's fault, not the model's."""
    proxy = freefall(
        providers={"local": {"base_url": llama + "/v1", "dialect": "llamacpp", "keys": [], "discover": "off"}},
        models=[model(llama_server.MODEL, "local", supports_tools=False)],
        timeouts=PATIENT)
    with pytest.raises(openai.BadRequestError) as refusal:
        proxy.client().chat.completions.create(
            model="auto", messages=[{"role": "user", "content": "word " * 2000}])
    assert refusal.value.code == "context_length_exceeded"
    assert proxy.row(llama_server.MODEL)["failure_count"] == 0
