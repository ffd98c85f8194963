"""A page in Chromium that asks freefall with its own fetch, as chat programs in a browser do."""

import http.server
import json
import subprocess
import threading
from pathlib import Path

import pytest

from world import DEEPSEEK, GEMINI, model

PAGE = Path(__file__).with_name("page.html").read_bytes()


class Site(http.server.BaseHTTPRequestHandler):
    """Serves the page, and takes what it has found."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def do_POST(self):
        self.server.found = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.told.set()

    def log_message(self, *_):
        pass


@pytest.fixture
def visit(tmp_path):
    """What the page finds out when it is loaded from that host and asks the freefall at that address."""
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    site.told = threading.Event()
    thread = threading.Thread(target=site.serve_forever)
    thread.start()

    def load(host: str, proxy) -> dict:
        browser = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
             "--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP *.example 127.0.0.1",
             f"http://{host}:{site.server_port}/?{proxy.url}/v1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert site.told.wait(60), "the page has not told anything"
            return site.found
        finally:
            browser.terminate()
            browser.wait(20)

    load.origin = f"http://chat.example:{site.server_port}"
    yield load
    site.shutdown()
    site.server_close()
    thread.join()


@pytest.fixture
def start(freefall, provider):
    """Gemini, which refuses, and DeepSeek, which answers; with so many keys and origins."""
    provider.script(GEMINI, {"kind": "fault", "status": 429, "always": True})
    return lambda **more: freefall(
        providers={"openrouter": provider.as_openrouter()}, models=[model(GEMINI), model(DEEPSEEK)], **more)


@pytest.mark.parametrize("host, config", [
    ("localhost", lambda origin: {}),
    ("localhost", lambda origin: {"client_keys": ["sk-page"]}),
    ("chat.example", lambda origin: {"allowed_origins": [origin]}),
], ids=["local", "with a key", "a named origin"])
def test_a_page_may_ask(start, visit, host, config):
    found = visit(host, start(**config(visit.origin)))
    hello = f'This is {DEEPSEEK}. You said: "hello"'
    assert found["models"] >= 3
    assert found["chat"] == [200, f"{GEMINI}=rate_limited; {DEEPSEEK}=ok", hello]
    assert found["stream"] == hello
    assert found["refused"] == [404, "unknown_route"]
    assert found["unasked"] == [415, "unsupported_content_type"]


def test_a_strange_page_may_not(start, visit, provider):
    found = visit("chat.example", start())
    assert set(found.values()) == {"TypeError: Failed to fetch"}
    assert provider.requests() == []
