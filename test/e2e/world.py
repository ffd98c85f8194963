"""The parts of a test's world: the simulated provider, freefall itself, and the client that counts."""

import base64
import json
from pathlib import Path

import httpx2
import openai

from program import Program, binary, free_port

GEMINI = "google/gemini-2.0-flash-exp:free"
DEEPSEEK = "deepseek/deepseek-chat-v3-0324:free"
FLASH = "google/gemini-1.5-flash:free"
FLASH_8B = "google/gemini-1.5-flash-8b:free"
LLAMA = "meta-llama/llama-3.2-3b-instruct:free"  # the backup, without tools

SHORT = {"connect": "1s", "first_token": "2s", "answer": "10s", "idle": "1s", "total": "20s"}


def model(id: str, provider: str = "openrouter", **more) -> dict:
    """A line of the chain; all but the backup take tools."""
    known = {"supports_tools": id != LLAMA, "supports_vision": id != LLAMA, "supports_json_schema": id != LLAMA}
    return {"id": id, "provider": provider} | known | more


class Provider:
    """The simulated provider, scripted through its /control."""

    def __init__(self, cwd: Path):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.program = Program(binary("provider"), self.url.removeprefix("http://"), cwd=cwd)
        self.program.wait_for(self.url + "/control")

    def script(self, model: str, *steps: dict) -> None:
        answer = httpx2.post(self.url + "/control", json={"script": {model: list(steps)}}, trust_env=False)
        assert answer.status_code == 200, answer.text

    def reset(self) -> None:
        httpx2.delete(self.url + "/control", trust_env=False).raise_for_status()

    def requests(self) -> list[dict]:
        """The calls of models that have arrived: Model, Header, and Body in base64. What freefall asks about its keys is none."""
        arrived = httpx2.get(self.url + "/requests", trust_env=False).raise_for_status().json()
        return [r for r in arrived if r["Method"] == "POST"]

    def bodies(self, model: str) -> list[dict]:
        return [json.loads(base64.b64decode(r["Body"])) for r in self.requests() if r["Model"] == model]

    def hits(self, model: str) -> int:
        return sum(r["Model"] == model for r in self.requests())

    def cancelled(self, model: str) -> int:
        """How many calls of the model were given up by who had made them."""
        state = httpx2.get(self.url + "/control", trust_env=False).raise_for_status().json()
        return state["models"].get(model, {}).get("cancelled", 0)

    def as_openrouter(self) -> dict:
        """This provider as an entry of models.yaml."""
        return {"base_url": self.url + "/api/v1", "dialect": "openrouter", "keys": ["sk-or-e2e"], "limits": "none", "discover": "off"}


class Freefall:
    """The built proxy on a models.yaml of its own."""

    def __init__(self, cwd: Path, config: dict):
        (cwd / "models.yaml").write_text(json.dumps({"timeouts": SHORT, "data_dir": ""} | config, indent=1))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.program = Program(
            binary("freefall"), "serve", "--config", "models.yaml", "--listen", self.url.removeprefix("http://"), cwd=cwd)
        self.program.wait_for(self.url + "/healthz")

    def client(self, **more) -> openai.OpenAI:
        return openai.OpenAI(**self._options(openai.DefaultHttpxClient, more))

    def async_client(self, **more) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(**self._options(openai.DefaultAsyncHttpxClient, more))

    def _options(self, http, more: dict) -> dict:
        """No retries unless asked for: what the SDK would hide must show."""
        return {"base_url": self.url + "/v1", "api_key": "unused", "max_retries": 0, "timeout": 60,
                "http_client": http(trust_env=False)} | more

    def state(self) -> dict:
        return httpx2.get(self.url + "/api/chat/models", trust_env=False).raise_for_status().json()

    def row(self, model: str) -> dict:
        """What the state says of one model."""
        return next(m for m in self.state()["models"] if m["id"] == model)


class Counter:
    """Counts what an SDK really sends: Counter.http is its http_client."""

    def __init__(self):
        self.sent = 0
        self.http = openai.DefaultHttpxClient(trust_env=False, event_hooks={"request": [self._count]})

    def _count(self, request) -> None:
        self.sent += 1
