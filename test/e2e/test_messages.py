"""What users of Anthropic's SDK do with POST /v1/messages, against models that know chat completions alone."""

import base64
import json

import anthropic
import pydantic
import pytest

from world import FLASH, GEMINI, LLAMA, model

HELLO = [{"role": "user", "content": "hello"}]
CLAUDE = {"model": "claude-sonnet-4-6", "max_tokens": 1000}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def tool(name: str, field: str) -> dict:
    return {"name": name, "input_schema": {"type": "object", "properties": {field: {"type": "string"}}, "required": [field]}}


TOOLS = [tool("get_weather", "city"), tool("get_time", "zone")]
BOTH = [{"role": "user", "content": "get_weather and get_time of Seoul"}]


@pytest.fixture
def proxy(freefall, provider):
    """Gemini, which has just refused, Flash, and the backup without tools."""
    provider.script(GEMINI, {"kind": "fault", "status": 429, "always": True})
    return freefall(
        providers={"openrouter": provider.as_openrouter()},
        models=[model(GEMINI), model(FLASH), model(LLAMA)])


@pytest.fixture
def client(proxy):
    return anthropic.Anthropic(
        base_url=proxy.url, api_key="any", max_retries=0, timeout=60, http_client=anthropic.DefaultHttpxClient(trust_env=False))


def test_a_message(client):
    raw = client.messages.with_raw_response.create(**CLAUDE, messages=HELLO, system="Be brief.")
    message = raw.parse()
    assert raw.headers["x-freefall-trail"] == f"{GEMINI}=rate_limited; {FLASH}=ok"
    assert (message.role, message.model, message.stop_reason) == ("assistant", FLASH, "end_turn")
    assert "hello" in message.content[0].text
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0


def test_a_stream_is_the_message(client):
    with client.messages.stream(**CLAUDE, messages=HELLO) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text == message.content[0].text and "hello" in text
    assert message.stop_reason == "end_turn" and message.usage.output_tokens > 0


def test_streamed_tools_and_the_turn_after(client, provider):
    """Two calls, each an object; their results, one of them a picture, reach the model in the words of chat."""
    with client.messages.stream(**CLAUDE, messages=BOTH, tools=TOOLS) as stream:
        called = stream.get_final_message()
    uses = [b for b in called.content if b.type == "tool_use"]
    assert called.stop_reason == "tool_use" and [u.name for u in uses] == ["get_weather", "get_time"]
    assert uses[0].input["city"] and uses[1].input["zone"] and uses[0].id != uses[1].id

    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    results = [{"type": "tool_result", "tool_use_id": uses[0].id, "content": "18 degrees"},
               {"type": "tool_result", "tool_use_id": uses[1].id, "content": [image]}]
    turns = [*BOTH, {"role": "assistant", "content": called.content}, {"role": "user", "content": results}]
    told = client.messages.create(**CLAUDE, messages=turns, tools=TOOLS)
    assert told.stop_reason == "end_turn"
    asked = provider.bodies(FLASH)[-1]["messages"]
    assert [m["role"] for m in asked] == ["user", "assistant", "tool", "tool", "user"]
    assert asked[2] == {"role": "tool", "tool_call_id": uses[0].id, "content": "18 degrees"}
    assert asked[4]["content"][1]["image_url"]["url"] == "data:image/png;base64," + PNG


def test_the_tool_runner(client):
    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """What the weather is.

        Args:
            city: where
        """
        return f"18 degrees in {city}"

    ask = [{"role": "user", "content": "get_weather of Seoul"}]
    *_, last = client.beta.messages.tool_runner(**CLAUDE, messages=ask, tools=[get_weather])
    assert "18 degrees in" in last.content[0].text


def test_structured_output(client):
    class Point(pydantic.BaseModel):
        x: int
        y: int

    assert isinstance(client.messages.parse(**CLAUDE, messages=HELLO, output_format=Point).parsed_output, Point)


def test_thoughts_come_to_who_asked_for_them(client, provider):
    provider.script(FLASH, {"kind": "ok", "reasoning": "Let me see.", "text": "Hello.", "always": True})
    plain = client.messages.create(**CLAUDE, messages=HELLO)
    assert [b.type for b in plain.content] == ["text"]
    with client.messages.stream(**CLAUDE, messages=HELLO, thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
        message = stream.get_final_message()
    assert [b.type for b in message.content] == ["thinking", "text"]
    assert (message.content[0].thinking, message.content[1].text) == ("Let me see.", "Hello.")

    client.messages.create(**CLAUDE, messages=[*HELLO, message.to_param(), {"role": "user", "content": "and?"}])
    sent = provider.bodies(FLASH)[-1]["messages"]
    assert sent[1] == {"role": "assistant", "content": "Hello."}, json.dumps(sent)


def test_a_cut_stream_raises(client, provider):
    provider.script(FLASH, {"kind": "cut", "after": 3, "how": "close"})
    seen = ""
    with pytest.raises(anthropic.APIStatusError) as caught:
        with client.messages.stream(**CLAUDE, messages=HELLO) as stream:
            for text in stream.text_stream:
                seen += text
    assert seen and caught.value.type == "api_error"


def test_errors_are_theirs(client, provider):
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.create(model="freefall/none", max_tokens=9, messages=HELLO)
    assert caught.value.type == "not_found_error" and "freefall/none" in caught.value.api_message

    for name in (FLASH, LLAMA):
        provider.script(name, {"kind": "fault", "status": 429, "always": True})
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.create(**CLAUDE, messages=HELLO)
    assert caught.value.type == "rate_limit_error" and int(caught.value.response.headers["retry-after"]) > 0


def test_tokens_are_counted_by_nobody_else(client, provider):
    short = client.messages.count_tokens(model="claude-sonnet-4-6", messages=HELLO)
    long = client.messages.count_tokens(model="claude-sonnet-4-6", messages=[{"role": "user", "content": "hello " * 500}], tools=TOOLS)
    assert 1 <= short.input_tokens < 10 and 400 < long.input_tokens < 800
    assert provider.requests() == []
