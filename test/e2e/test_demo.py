"""The demo: no key, no file, and the first request already falls over."""

import re

import openai
import pytest

from program import Program, binary, free_port
from world import GEMINI


@pytest.fixture
def demo(tmp_path):
    listen, upstream = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    program = Program(binary("freefall"), "demo", "--listen", listen, "--upstream", upstream, cwd=tmp_path)
    program.wait_for(f"http://{listen}/healthz")
    yield program, f"http://{listen}/v1"
    assert program.stop() == 0, program.output
    assert list(tmp_path.iterdir()) == []


def test_the_first_request_falls_over(demo):
    program, url = demo
    client = openai.OpenAI(base_url=url, api_key="unused", max_retries=0)
    raw = client.chat.completions.with_raw_response.create(model="auto", messages=[{"role": "user", "content": "hello"}])
    assert "hello" in raw.parse().choices[0].message.content
    assert re.fullmatch(f"{re.escape(GEMINI)}=rate_limited; .*=ok", raw.headers["x-freefall-trail"])
    assert f"Switching from {GEMINI} to" in program.output
    assert url.removesuffix("/v1") in program.output


def test_a_busy_port_is_named(demo, tmp_path_factory):
    _, url = demo
    listen = url.removeprefix("http://").removesuffix("/v1")
    second = Program(binary("freefall"), "demo", "--listen", listen, "--upstream", f"127.0.0.1:{free_port()}",
                     cwd=tmp_path_factory.mktemp("second"))
    assert second.process.wait(timeout=20) == 1
    second.stop()
    assert "--listen" in second.output
