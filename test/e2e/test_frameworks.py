"""What the users of LangChain, PydanticAI, the Agents SDK and Anthropic's SDK see of freefall: answers, and errors that they can
act on."""

import time

import anthropic
import langchain_openai
import openai
import pydantic_ai
import pytest

import frameworks
from world import DEEPSEEK, FLASH, GEMINI, LLAMA, model

HOUR = {"kind": "fault", "status": 429, "headers": {"retry-after": "3600"}, "always": True}


@pytest.fixture
def proxy(freefall, provider):
    """Gemini, which has just refused, a model without eyes, one with, and the backup without tools."""
    provider.script(GEMINI, HOUR)
    return freefall(
        providers={"openrouter": provider.as_openrouter()},
        models=[model(GEMINI), model(DEEPSEEK, supports_vision=False), model(FLASH), model(LLAMA)],
        routing={"order": "priority", "max_wait": "0s"})


@pytest.fixture(params=frameworks.ALL, ids=lambda kind: kind.__name__)
def framework(request, proxy):
    return lambda **more: request.param(proxy, **more)


def test_a_limit_is_not_seen(framework, provider):
    assert framework().ask("hello").endswith('You said: "hello"')
    assert (provider.hits(GEMINI), provider.hits(DEEPSEEK)) == (1, 1)


def test_a_stream(framework):
    seen = []
    framework().stream("hello", seen)
    assert len(seen) > 1
    assert "".join(seen).endswith('You said: "hello"')


def test_a_tool_is_called_and_told_of(framework, provider):
    assert "18 degrees in " in framework().use_tools("get_weather of Seoul")
    assert provider.hits(LLAMA) == 0


def test_structured_output(framework):
    assert isinstance(framework().fill("somewhere").x, int)


def test_an_image(framework, provider):
    assert f"an image of {len(frameworks.PNG)} bytes (image/png)" in framework().look("What is this?")
    assert (provider.hits(DEEPSEEK), provider.hits(FLASH)) == (0, 1)


def test_nobody_left_is_told_in_words(framework, provider):
    """The exception is the one for limits, names each model and when it is back, and nothing is asked again."""
    for id in (DEEPSEEK, FLASH, LLAMA):
        provider.script(id, HOUR)
    with pytest.raises((openai.RateLimitError, anthropic.RateLimitError, pydantic_ai.ModelHTTPError)) as refusal:
        framework().ask("hello")
    assert refusal.value.status_code == 429
    for word in ("no model can answer now", f"next: {GEMINI} in ", LLAMA):
        assert word in str(refusal.value)
    assert [provider.hits(id) for id in (GEMINI, DEEPSEEK, FLASH, LLAMA)] == [1, 1, 1, 1]


def test_a_cut_is_raised(framework, provider):
    provider.script(DEEPSEEK, {"kind": "cut", "how": "close", "after": 5, "chunks": 10, "text": "x" * 10, "always": True})
    seen = []
    with pytest.raises((openai.APIError, anthropic.APIError, pydantic_ai.exceptions.ModelAPIError), match="the answer broke off"):
        framework().stream("hello", seen)
    assert "".join(seen) == "xxxx"


def test_who_leaves_is_not_paid_for(framework, proxy, provider):
    provider.script(DEEPSEEK, {"kind": "slow", "gap": "50ms", "chunks": 200, "text": "y" * 200})
    seen = []
    framework().stream("hello", seen, most=2)
    assert len(seen) < 100
    until(lambda: provider.cancelled(DEEPSEEK) == 1)
    assert proxy.row(DEEPSEEK)["failure_count"] == 0


def test_a_timeout_of_the_client_harms_no_model(framework, proxy, provider):
    provider.script(DEEPSEEK, {"kind": "hang", "how": "head"})
    with pytest.raises(Exception, match="(?i)timed out|connection error"):
        framework(timeout=0.3, max_retries=0).ask("hello")
    until(lambda: provider.cancelled(DEEPSEEK) == 1)
    assert proxy.row(DEEPSEEK)["failure_count"] == 0


def test_too_long_a_conversation_has_its_own_exception(freefall, provider):
    """LangChain's middleware shortens what was said when it sees this one."""
    proxy = freefall(providers={"openrouter": provider.as_openrouter()}, models=[model(DEEPSEEK, context_length=1000)])
    with pytest.raises(langchain_openai.chat_models.base.OpenAIContextOverflowError, match="context length is 1000 tokens"):
        frameworks.LangChain(proxy).ask("word " * 8000)
    assert provider.requests() == []


def until(holds, seconds: float = 10) -> None:
    """Returns when it holds, fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not come to hold"
        time.sleep(0.02)
