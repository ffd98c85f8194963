"""The frameworks that people build with, each told what docs/clients.md says, under one set of verbs."""

import asyncio
import base64

import agents
import anthropic
import langchain.agents
import langchain_openai
import openai
import pydantic
import pydantic_ai
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from world import Freefall

agents.set_tracing_disabled(True)  # it would be sent to OpenAI

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
SEE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


class Point(pydantic.BaseModel):
    x: int
    y: str


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"18 degrees in {city}"


class LangChain:
    def __init__(self, proxy: Freefall, **more):
        self.model = langchain_openai.ChatOpenAI(
            base_url=proxy.url + "/v1", api_key="any", model="auto",
            http_client=openai.DefaultHttpxClient(trust_env=False), **more)

    def ask(self, text: str) -> str:
        return self.model.invoke(text).text

    def stream(self, text: str, seen: list, most: int = 10_000) -> None:
        """Adds the pieces of the answer to seen, and leaves after so many."""
        chunks = self.model.stream(text)
        for chunk in chunks:
            if chunk.text:
                seen.append(chunk.text)
            if len(seen) == most:
                chunks.close()

    def use_tools(self, text: str) -> str:
        agent = langchain.agents.create_agent(self.model, [get_weather])
        return agent.invoke({"messages": [("user", text)]})["messages"][-1].text

    def fill(self, text: str) -> Point:
        return self.model.with_structured_output(Point).invoke(text)

    def look(self, text: str) -> str:
        parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": SEE}}]
        return self.model.invoke([{"role": "user", "content": parts}]).text


class PydanticAI:
    def __init__(self, proxy: Freefall, **more):
        self.client = lambda: proxy.async_client(**{"max_retries": 2} | more)

    def _agent(self, **more) -> pydantic_ai.Agent:
        return pydantic_ai.Agent(OpenAIChatModel("auto", provider=OpenAIProvider(openai_client=self.client())), **more)

    def ask(self, text: str) -> str:
        return self._agent().run_sync(text).output

    def stream(self, text: str, seen: list, most: int = 10_000) -> None:
        async def read():
            async with self._agent().run_stream(text) as answer:
                async for piece in answer.stream_text(delta=True, debounce_by=None):
                    seen.append(piece)
                    if len(seen) == most:
                        return
        asyncio.run(read())

    def use_tools(self, text: str) -> str:
        return self._agent(tools=[get_weather]).run_sync(text).output

    def fill(self, text: str) -> Point:
        return self._agent(output_type=pydantic_ai.NativeOutput(Point)).run_sync(text).output

    def look(self, text: str) -> str:
        return self._agent().run_sync([text, pydantic_ai.BinaryContent(PNG, media_type="image/png")]).output


class AgentsSDK:
    def __init__(self, proxy: Freefall, **more):
        self.client = lambda: proxy.async_client(**{"max_retries": 2} | more)

    def _agent(self, **more) -> agents.Agent:
        return agents.Agent("an agent", model=agents.OpenAIChatCompletionsModel("auto", self.client()), **more)

    def ask(self, text) -> str:
        return agents.Runner.run_sync(self._agent(), text).final_output

    def stream(self, text: str, seen: list, most: int = 10_000) -> None:
        async def read():
            running = agents.Runner.run_streamed(self._agent(), text)
            async for event in running.stream_events():
                if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                    seen.append(event.data.delta)
                    if len(seen) == most:
                        running.cancel()
        asyncio.run(read())

    def use_tools(self, text: str) -> str:
        return agents.Runner.run_sync(self._agent(tools=[agents.function_tool(get_weather)]), text).final_output

    def fill(self, text: str) -> Point:
        return agents.Runner.run_sync(self._agent(output_type=Point), text).final_output

    def look(self, text: str) -> str:
        parts = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": SEE, "detail": "auto"}]
        return self.ask([{"role": "user", "content": parts}])


class Anthropic:
    def __init__(self, proxy: Freefall, **more):
        self.client = anthropic.Anthropic(
            base_url=proxy.url, api_key="any", http_client=anthropic.DefaultHttpxClient(trust_env=False), **more)

    def _create(self, *messages: dict, **more):
        return self.client.messages.create(model="auto", max_tokens=1000, messages=messages, **more)

    def ask(self, content) -> str:
        return self._create({"role": "user", "content": content}).content[0].text

    def stream(self, text: str, seen: list, most: int = 10_000) -> None:
        message = {"role": "user", "content": text}
        with self.client.messages.stream(model="auto", max_tokens=1000, messages=[message]) as stream:
            for piece in stream.text_stream:
                seen.append(piece)
                if len(seen) == most:
                    return

    def use_tools(self, text: str) -> str:
        ask = {"role": "user", "content": text}
        tools = [{"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}]
        called = self._create(ask, tools=tools)
        results = [{"type": "tool_result", "tool_use_id": use.id, "content": get_weather(**use.input)} for use in called.content if use.type == "tool_use"]
        assert called.stop_reason == "tool_use"
        told = self._create(ask, {"role": "assistant", "content": called.content}, {"role": "user", "content": results}, tools=tools)
        return told.content[0].text

    def fill(self, text: str) -> Point:
        tool = {"name": "point", "input_schema": Point.model_json_schema()}
        [use] = self._create({"role": "user", "content": text}, tools=[tool], tool_choice={"type": "tool", "name": "point"}).content
        return Point(**use.input)

    def look(self, text: str) -> str:
        source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
        return self.ask([{"type": "text", "text": text}, {"type": "image", "source": source}])


ALL = [LangChain, PydanticAI, AgentsSDK, Anthropic]
