"""Programs without an SDK: what their HTTP libraries send of themselves, and how they read a stream."""

import asyncio
import http.client
import json
import socket
import subprocess

import aiohttp
import pytest
import requests

from world import DEEPSEEK, GEMINI, model

ASK = {"model": "auto", "messages": [{"role": "user", "content": "hello"}]}
STREAM = ASK | {"stream": True}


@pytest.fixture
def proxy(freefall, provider):
    """Gemini, which refuses, and DeepSeek, which answers."""
    provider.script(GEMINI, {"kind": "fault", "status": 429, "always": True})
    return freefall(providers={"openrouter": provider.as_openrouter()}, models=[model(GEMINI), model(DEEPSEEK)])


@pytest.fixture
def url(proxy):
    return proxy.url + "/v1/chat/completions"


def said(body) -> str:
    """What a whole answer says."""
    return json.loads(body)["choices"][0]["message"]["content"]


def heard(body: str | bytes) -> str:
    """What a stream says that was read to its end."""
    lines = (body if isinstance(body, str) else body.decode()).split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-2] if line.startswith("data: ")]
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])


HELLO = f'This is {DEEPSEEK}. You said: "hello"'


def test_requests(url):
    with requests.Session() as session:
        session.trust_env = False
        assert said(session.post(url, json=ASK).content) == HELLO
        assert said(session.post(url, data=iter([json.dumps(ASK).encode()])).content) == HELLO  # in chunks
        with session.post(url, json=STREAM, stream=True) as answer:
            assert heard("\n".join(answer.iter_lines(decode_unicode=True)) + "\n") == HELLO


def test_aiohttp(url):
    async def ask() -> list[str]:
        async with aiohttp.ClientSession() as session:
            async with session.post(url, json=ASK, expect100=True) as whole:
                first = said(await whole.read())
            async with session.post(url, json=STREAM) as stream:
                return [first, heard(b"".join([line async for line in stream.content]))]
    assert asyncio.run(ask()) == [HELLO, HELLO]


def test_one_connection_of_the_standard_library(proxy):
    """Answers, streams and refusals one after the other, each read to its end."""
    connection = http.client.HTTPConnection(proxy.url.removeprefix("http://"), timeout=20)
    try:
        for _ in range(2):
            for path, body, read in [("/v1/chat/completions", ASK, said), ("/v1/chat/completions", STREAM, heard), ("/v1/nothing", {}, json.loads)]:
                connection.request("POST", path, json.dumps(body))
                answer = connection.getresponse()
                text = read(answer.read())
                assert text == HELLO if answer.status == 200 else text["error"]["code"] == "unknown_route"
    finally:
        connection.close()


@pytest.mark.parametrize("options", [[], ["--http1.0"], ["--http2"], ["--compressed"], ["-H", "Expect: 100-continue"]], ids=" ".join)
def test_curl(url, options):
    def curl(body: dict) -> bytes:
        argv = ["curl", "-sS", "--max-time", "20", "--noproxy", "*", *options, url, "-d", json.dumps(body)]
        return subprocess.run(argv, check=True, capture_output=True, timeout=30).stdout
    assert (said(curl(ASK)), heard(curl(STREAM))) == (HELLO, HELLO)


def test_a_large_upload_of_curl_waits_for_leave(url):
    """Beyond a megabyte curl asks with Expect: 100-continue; a refusal must reach it as well."""
    long = json.dumps(ASK).replace(":", ":" + " " * (1 << 20), 2).encode()
    argv = ["curl", "-sS", "--max-time", "20", "--noproxy", "*", "-o", "-", "-w", "%{http_code}", "-d", "@-"]
    run = lambda path: subprocess.run([*argv, path], input=long, capture_output=True, timeout=30).stdout
    assert run(url).endswith(b"200")
    assert run(url.replace("/chat/", "/nothing/")).endswith(b"404")


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "streamed"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_java(proxy, body, chunked):
    """Java's HttpClient offers HTTP/2 with its first request on a connection; who does not speak it goes on in HTTP/1.1."""
    text = json.dumps(body).encode()
    host, port = proxy.url.removeprefix("http://").split(":")
    head = ["POST /v1/chat/completions HTTP/1.1", "Connection: Upgrade, HTTP2-Settings", f"Host: {host}:{port}",
            "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA", "Upgrade: h2c", "User-Agent: Java-http-client/21.0.2",
            "Content-Type: application/json", "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(text)}", "", ""]
    payload = b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text) if chunked else text
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        for _ in range(2):  # the connection serves again
            connection.sendall("\r\n".join(head).encode() + payload)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert (answer.status, (heard if "stream" in body else said)(answer.read())) == (200, HELLO)
