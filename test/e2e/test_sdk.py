"""What the openai package's users do, through freefall to the simulated provider."""

import base64
import hashlib
import json
import math
import random
from typing import Literal

import httpx2
import openai
import pydantic
import pytest

from world import DEEPSEEK, FLASH, GEMINI, LLAMA, Counter, model

HELLO = [{"role": "user", "content": "hello"}]


def function(name: str, *required: str) -> dict:
    properties = {field: {"type": "string"} for field in required}
    return {"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": properties, "required": list(required), "additionalProperties": False}}}


WEATHER, TIME = function("get_weather", "city"), function("get_time", "zone")
BOTH = {"messages": [{"role": "user", "content": "get_weather and get_time of Seoul"}], "tools": [WEATHER, TIME]}


@pytest.fixture
def proxy(freefall, provider):
    """Gemini, which has just refused, DeepSeek, and the backup without tools."""
    provider.script(GEMINI, {"kind": "fault", "status": 429, "always": True})
    return freefall(
        providers={"openrouter": provider.as_openrouter()},
        models=[model(GEMINI), model(DEEPSEEK), model(LLAMA)])


@pytest.fixture
def client(proxy):
    return proxy.client()


def test_parallel_tools(client):
    message = client.chat.completions.create(model="auto", **BOTH).choices[0].message
    assert {c.function.name for c in message.tool_calls} == {"get_weather", "get_time"}
    assert len({c.id for c in message.tool_calls}) == 2
    for call in message.tool_calls:
        assert isinstance(json.loads(call.function.arguments), dict)


def test_streamed_tools(client):
    with client.chat.completions.stream(model="auto", **BOTH) as stream:
        done = [e for e in stream if e.type == "tool_calls.function.arguments.done"]
        final = stream.get_final_completion()
    assert {e.name for e in done} == {"get_weather", "get_time"}
    assert final.choices[0].finish_reason == "tool_calls"
    assert json.loads(final.choices[0].message.tool_calls[0].function.arguments)["city"]


def test_the_turn_after_a_tool(client):
    """The history needs a model with tools although the request declares none."""
    called = client.chat.completions.create(model="auto", **BOTH).choices[0].message
    results = [{"role": "tool", "tool_call_id": c.id, "content": "18 degrees"} for c in called.tool_calls]
    raw = client.chat.completions.with_raw_response.create(
        model=LLAMA, messages=BOTH["messages"] + [called.to_dict()] + results)
    assert raw.headers["x-freefall-model"] == DEEPSEEK
    assert "18 degrees" in raw.parse().choices[0].message.content


def test_structured_output(client):
    class Step(pydantic.BaseModel):
        explanation: str
        sure: bool

    class Solution(pydantic.BaseModel):
        steps: list[Step]
        difficulty: Literal["easy", "hard"]
        answer: float

    answer = client.chat.completions.parse(model="auto", messages=HELLO, response_format=Solution)
    assert isinstance(answer.choices[0].message.parsed, Solution)
    assert answer.choices[0].message.parsed.difficulty in ("easy", "hard")


def test_streamed_structured_output(client):
    class Point(pydantic.BaseModel):
        x: int
        y: int

    with client.chat.completions.stream(model="auto", messages=HELLO, response_format=Point) as stream:
        stream.until_done()
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Point)


def test_a_large_image_arrives_whole(freefall, provider):
    """Five megabytes, as a data URL, to the model behind one that failed after it had read them."""
    provider.script(GEMINI, {"kind": "fault", "status": 502})
    proxy = freefall(providers={"openrouter": provider.as_openrouter()}, models=[model(LLAMA), model(GEMINI), model(FLASH)])
    image = random.Random(5).randbytes(5 << 20)
    url = "data:image/png;base64," + base64.b64encode(image).decode()
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    raw = proxy.client().chat.completions.with_raw_response.create(model="auto", messages=[{"role": "user", "content": content}])
    assert f"an image of {len(image)} bytes (image/png)" in raw.parse().choices[0].message.content
    assert raw.headers["x-freefall-trail"] == f"{GEMINI}=upstream_fault; {FLASH}=ok"
    assert {digest(provider, m) for m in (GEMINI, FLASH)} == {hashlib.sha256(url.encode()).hexdigest()}


def digest(provider, model: str) -> str:
    """The hash of the image that the model was sent."""
    [body] = provider.bodies(model)
    return hashlib.sha256(body["messages"][0]["content"][1]["image_url"]["url"].encode()).hexdigest()


def test_headers_tell_what_happened(client):
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-4o", messages=HELLO, extra_headers={"X-Request-Id": "from-the-client-1"})
    assert raw.headers["x-freefall-model"] == DEEPSEEK
    assert raw.headers["x-freefall-provider"] == "openrouter"
    assert raw.headers["x-freefall-attempts"] == "2"
    assert raw.headers["x-freefall-trail"] == f"{GEMINI}=rate_limited; {DEEPSEEK}=ok"
    assert raw.headers["x-freefall-request-id"]
    assert not [h for h in raw.headers if h.lower().startswith("x-ratelimit")]
    assert raw.parse().model == DEEPSEEK


def test_a_stream_has_the_headers_too(client):
    with client.chat.completions.with_streaming_response.create(model="auto", messages=HELLO, stream=True) as raw:
        assert raw.headers["x-freefall-attempts"] == "2"
        assert raw.headers["content-type"].startswith("text/event-stream")
        assert raw.read().rstrip().endswith(b"data: [DONE]")


@pytest.mark.parametrize("asked", [True, False])
def test_usage_comes_when_it_was_asked_for(client, asked):
    options = {"stream_options": {"include_usage": True}} if asked else {}
    chunks = list(client.chat.completions.create(model="auto", messages=HELLO, stream=True, **options))
    assert len([c for c in chunks if c.usage]) == asked


def test_models_list(client):
    listed = {m.id: m for m in client.models.list()}
    assert {GEMINI, DEEPSEEK, LLAMA, "freefall/auto"} <= set(listed)
    assert listed[DEEPSEEK].object == "model"
    assert isinstance(listed[DEEPSEEK].created, int)
    assert listed[DEEPSEEK].supports_tools is True
    assert listed[LLAMA].supports_tools is False


@pytest.mark.parametrize("id", [GEMINI, LLAMA, "freefall/auto"])
def test_one_model(client, id):
    assert client.models.retrieve(id).id == id


def test_a_model_that_is_not_there(client):
    with pytest.raises(openai.NotFoundError) as refusal:
        client.models.retrieve("nobody/nothing:free")
    assert refusal.value.code == "model_not_found"


def test_client_keys(freefall, provider):
    proxy = freefall(providers={"openrouter": provider.as_openrouter()}, models=[model(DEEPSEEK)], client_keys=["sk-ana"])
    assert proxy.client(api_key="sk-ana").chat.completions.create(model="auto", messages=HELLO).model == DEEPSEEK
    with pytest.raises(openai.AuthenticationError) as refusal:
        proxy.client(api_key="sk-eve").chat.completions.create(model="auto", messages=HELLO)
    assert "sk-eve" not in str(refusal.value)
    assert provider.hits(DEEPSEEK) == 1
    assert [r["Header"]["Authorization"] for r in provider.requests()] == [["Bearer sk-or-e2e"]]


@pytest.fixture
def exhausted(freefall, provider):
    """Freefall with one model, which is at its limit for so many seconds."""
    def start(seconds: int):
        provider.script(DEEPSEEK, {"kind": "fault", "status": 429, "headers": {"retry-after": str(seconds)}})
        return freefall(
            providers={"openrouter": provider.as_openrouter()}, models=[model(DEEPSEEK)], routing={"max_wait": "0s"})
    return start


def test_exhausted_for_long_is_asked_once(exhausted, provider):
    """x-should-retry keeps the SDK from burning what is left of the day."""
    count = Counter()
    client = exhausted(3600).client(max_retries=2, http_client=count.http)
    with pytest.raises(openai.RateLimitError) as refusal:
        client.chat.completions.create(model="auto", messages=HELLO)
    headers = refusal.value.response.headers
    assert count.sent == 1
    assert provider.hits(DEEPSEEK) == 1
    assert refusal.value.code == "all_models_exhausted"
    assert refusal.value.type == "rate_limit_error"
    assert headers["x-should-retry"] == "false"
    assert 3590 < int(headers["retry-after"]) <= 3600
    assert DEEPSEEK in refusal.value.message


def test_exhausted_for_a_moment_is_asked_again(exhausted, provider):
    """The SDK waits as long as Retry-After says and gets its answer."""
    count = Counter()
    client = exhausted(1).client(max_retries=2, http_client=count.http)
    raw = client.chat.completions.with_raw_response.create(model="auto", messages=HELLO)
    assert raw.parse().model == DEEPSEEK
    assert count.sent == 2
    assert provider.hits(DEEPSEEK) == 2


def test_down_is_not_a_limit(freefall, provider):
    provider.script(DEEPSEEK, {"kind": "fault", "status": 500, "always": True})
    proxy = freefall(providers={"openrouter": provider.as_openrouter()}, models=[model(DEEPSEEK)])
    with pytest.raises(openai.InternalServerError) as refusal:
        proxy.client().chat.completions.create(model="auto", messages=HELLO)
    assert refusal.value.status_code == 503
    assert refusal.value.code == "all_models_exhausted"
    assert math.ceil(float(refusal.value.response.headers.get("retry-after", "1"))) >= 1


def test_tools_that_no_model_has(freefall, provider):
    proxy = freefall(providers={"openrouter": provider.as_openrouter()}, models=[model(LLAMA)])
    with pytest.raises(openai.BadRequestError) as refusal:
        proxy.client().chat.completions.create(model="auto", **BOTH)
    assert refusal.value.code == "unsupported_feature"
    assert provider.requests() == []


def test_an_unknown_route_is_not_found(proxy):
    with pytest.raises(openai.NotFoundError) as refusal:
        proxy.client().post("/nothing", body={}, cast_to=object)
    assert refusal.value.type == "invalid_request_error"


def test_state_shows_what_rests(client, proxy):
    client.chat.completions.create(model="auto", messages=HELLO)
    state = proxy.state()
    first = state["models"][0]
    assert state["current_model"] == DEEPSEEK
    assert list(first)[:6] == ["id", "name", "supports_tools", "is_current", "failure_count", "is_available"]
    assert (first["id"], first["failure_count"], first["is_available"]) == (GEMINI, 1, False)
    assert first["available_at"]


def test_healthz_asks_no_model(proxy, provider):
    assert httpx2.get(proxy.url + "/healthz", trust_env=False).status_code == 200
    assert httpx2.get(proxy.url + "/readyz", trust_env=False).status_code == 200
    assert provider.requests() == []
