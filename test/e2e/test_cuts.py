"""A stream of 60 chunks breaks at every point in every way: before the first content another model answers whole,
after it the SDK raises."""

import asyncio

import openai
import pytest

from world import DEEPSEEK, model

CHUNKS = 60
POINTS = range(CHUNKS + 2)  # so many events come whole; the first carries the role alone
WAYS = ["close", "reset", "stall", "garble", "error", "error_choice", "end"]
LANES = [f"lab/lane-{n}:free" for n in range(8)]  # models that break, one for each request in flight
WHOLE = "the whole answer of the good model"


@pytest.fixture
def proxy(freefall, provider):
    """The good model stands first; whoever names a lane falls back to it. Breaking never rests a lane."""
    provider.script(DEEPSEEK, {"kind": "ok", "always": True, "text": WHOLE})
    return freefall(
        providers={"openrouter": provider.as_openrouter()},
        models=[model(DEEPSEEK), *map(model, LANES)],
        timeouts={"connect": "1s", "first_token": "1s", "answer": "5s", "idle": "500ms", "total": "10s"},
        routing={"order": "priority"},
        breaker={"failures": 100})


async def read(client: openai.AsyncOpenAI, lane: str) -> tuple[str, str]:
    """The text that arrived, and how the stream ended: done or raised."""
    text = ""
    try:
        stream = await client.chat.completions.create(model=lane, messages=[{"role": "user", "content": "go on"}], stream=True)
        async for chunk in stream:
            text += "".join(c.delta.content or "" for c in chunk.choices)
    except openai.APIError:
        return text, "raised"
    return text, "done"


@pytest.mark.parametrize("way", WAYS)
def test_every_cut(proxy, provider, way):
    points = list(POINTS)

    async def walk(client, lane: str, found: dict) -> None:
        while points:
            point = points.pop()
            step = {"kind": "cut", "how": way, "after": point, "chunks": CHUNKS, "text": "x" * CHUNKS}
            await asyncio.to_thread(provider.script, lane, step)
            found[point] = await read(client, lane)

    async def walk_all() -> dict:
        found = {}
        async with proxy.async_client() as client:
            await asyncio.gather(*(walk(client, lane, found) for lane in LANES))
        return found

    found = asyncio.run(walk_all())
    assert sorted(found) == list(POINTS)
    assert {point: got for point, got in found.items() if got not in allowed(way, point)} == {}


def allowed(way: str, point: int) -> list[tuple[str, str]]:
    """What the client may get when so many events came before the break."""
    content = max(point - 1, 0)
    whole, partial = (WHOLE, "done"), [("x" * n, "raised") for n in range(1, content + 1)]
    if way == "reset":  # a reset throws away what had arrived and was not yet read
        return [whole, *partial]
    return partial[-1:] or [whole]
