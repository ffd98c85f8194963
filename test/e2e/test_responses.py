"""The Responses API, which the Agents SDK speaks unless told otherwise: what holds for chat completions holds here, against models that
know chat completions alone."""

import json

import agents
import openai
import pydantic
import pydantic_ai
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic_ai.models.openai import OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

import frameworks
from test_frameworks import (  # noqa: F401 - pytest runs what it finds here with the fixtures of this file
    proxy, test_a_cut_is_raised, test_a_limit_is_not_seen, test_a_stream, test_a_tool_is_called_and_told_of, test_an_image,
    test_nobody_left_is_told_in_words, test_structured_output, test_who_leaves_is_not_paid_for)
from world import DEEPSEEK, GEMINI

TOOLS = [
    {"type": "function", "name": "get_weather", "strict": True, "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}},
    {"type": "custom", "name": "apply_patch", "description": "Edits files."},
    {"type": "web_search"}]


class LangChain(frameworks.LangChain):
    def __init__(self, proxy, **more):
        super().__init__(proxy, use_responses_api=True, **more)


class PydanticAI(frameworks.PydanticAI):
    def _agent(self, **more) -> pydantic_ai.Agent:
        return pydantic_ai.Agent(OpenAIResponsesModel("auto", provider=OpenAIProvider(openai_client=self.client())), **more)


class AgentsSDK(frameworks.AgentsSDK):
    def _agent(self, **more) -> agents.Agent:
        return agents.Agent("an agent", model=agents.OpenAIResponsesModel("auto", self.client()), **more)


@pytest.fixture(params=[LangChain, PydanticAI, AgentsSDK], ids=lambda kind: kind.__name__)
def framework(request, proxy):
    return lambda **more: request.param(proxy, **more)


@pytest.fixture
def client(proxy):
    return proxy.client()


def test_a_response_holds_all_that_the_sdk_promises(client):
    raw = client.responses.with_raw_response.create(model="auto", input="hello", instructions="Be brief", reasoning={"summary": "auto"})
    response = raw.parse()
    assert response.output_text.endswith('You said: "hello"')
    assert raw.headers["x-freefall-trail"] == f"{GEMINI}=rate_limited; {DEEPSEEK}=ok"
    assert (response.status, response.instructions, response.model) == ("completed", "Be brief", DEEPSEEK)
    Response.model_validate(response.to_dict())


def test_each_event_is_one_that_the_sdk_knows(client):
    known = pydantic.TypeAdapter(ResponseStreamEvent)
    events = list(client.responses.create(model="auto", input="call both tools: get_weather, apply_patch", tools=TOOLS, stream=True))
    for event in events:
        known.validate_python(event.to_dict())
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"


def test_a_loop_of_tools(client, provider):
    """What was streamed goes back as it came; a tool of free text is called as a function upstream and as itself here."""
    asked = [{"role": "user", "content": "call both tools: get_weather, apply_patch"}]
    with client.responses.stream(model="auto", input=asked, tools=TOOLS) as stream:
        called = stream.until_done().get_final_response().output
    assert [c.type for c in called] == ["function_call", "custom_tool_call"]
    assert json.loads(called[0].arguments)["city"] and isinstance(called[1].input, str)
    results = [{"type": c.type + "_output", "call_id": c.call_id, "output": "18 degrees"} for c in called]
    answer = client.responses.create(model="auto", input=asked + [c.to_dict() for c in called] + results, tools=TOOLS)
    assert "18 degrees" in answer.output_text
    sent = provider.bodies(DEEPSEEK)[-1]
    assert [t["function"]["name"] for t in sent["tools"]] == ["get_weather", "apply_patch"]
    assert [m["tool_call_id"] for m in sent["messages"][2:]] == [c.call_id for c in called]


def test_parse(client):
    response = client.responses.parse(model="auto", input="somewhere", text_format=frameworks.Point)
    assert isinstance(response.output_parsed, frameworks.Point)


def test_thoughts_come_first(client, provider):
    provider.script(DEEPSEEK, {"kind": "ok", "text": "Yes.", "reasoning": "Let me see.", "always": True})
    response = client.responses.create(model="auto", input="hello")
    assert [o.type for o in response.output] == ["reasoning", "message"]
    assert response.output[0].summary[0].text == "Let me see."


def test_a_cut_raises_in_both_ways_of_streaming(client, provider):
    provider.script(DEEPSEEK, {"kind": "cut", "how": "close", "after": 5, "chunks": 10, "text": "x" * 10, "always": True})
    with pytest.raises(openai.APIError, match="the answer broke off"):
        list(client.responses.create(model="auto", input="hello", stream=True))
    with client.responses.stream(model="auto", input="hello") as stream:
        with pytest.raises(openai.APIError, match="the answer broke off"):
            stream.get_final_response()


def test_what_is_not_stored_is_told_in_words(client):
    with pytest.raises(openai.BadRequestError, match="send the whole conversation") as refusal:
        client.responses.create(model="auto", input="hello", previous_response_id="resp_1")
    assert refusal.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError, match="stores no responses"):
        client.responses.retrieve("resp_1")
