"""Three hundred requests at once while the two best models are at their limit."""

import asyncio

import pytest

from test_sdk import WEATHER
from world import DEEPSEEK, FLASH, GEMINI, LLAMA, model

CHAIN = [GEMINI, DEEPSEEK, LLAMA, FLASH]  # LLAMA has no tools
REQUESTS, AT_ONCE = 300, 32


async def plain(client, n: int) -> tuple[str, str]:
    raw = await client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": f"plain {n}"}])
    return (await parsed(raw)).choices[0].message.content, raw.headers["x-freefall-attempts"]


async def tools(client, n: int) -> tuple[str, str]:
    raw = await client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": f"call the tool for tools {n}"}], tools=[WEATHER])
    return (await parsed(raw)).choices[0].message.tool_calls[0].function.name, raw.headers["x-freefall-attempts"]


async def streamed(client, n: int) -> tuple[str, str]:
    raw = await client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": f"stream {n}"}], stream=True)
    chunks = [c async for c in await parsed(raw)]
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices), raw.headers["x-freefall-attempts"]


async def parsed(raw):
    answer = raw.parse()
    return await answer if asyncio.iscoroutine(answer) else answer


@pytest.mark.timeout(60)
def test_nobody_notices(freefall, provider):
    provider.script(GEMINI, {"kind": "limit", "limit": {"scope": "model", "requests": 3, "per": "60s", "says": "plain"}})
    provider.script(DEEPSEEK, {"kind": "limit", "limit": {"scope": "model", "requests": 0, "per": "60s"}})
    proxy = freefall(providers={"openrouter": provider.as_openrouter()}, models=[model(id) for id in CHAIN])

    async def flood():
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(client, n: int):
            async with gate:
                return await (plain, tools, streamed)[n % 3](client, n)

        async with proxy.async_client() as client:
            return await asyncio.gather(*(one(client, n) for n in range(REQUESTS)))

    answers = asyncio.run(flood())
    for n, (text, attempts) in enumerate(answers):
        fitting = [id for id in CHAIN if id != LLAMA or n % 3 != 1]
        assert 1 <= int(attempts) <= len(fitting)
        assert text == "get_weather" if n % 3 == 1 else text.endswith(f'{"plain" if n % 3 == 0 else "stream"} {n}"')
    assert len(provider.bodies(LLAMA)) > REQUESTS / 3
    assert not [body for body in provider.bodies(LLAMA) if "tools" in body]
