"""Records what llama.cpp's server says, byte for byte: python record.py DIRECTORY

Each file holds one body exactly as it came, transfer coding removed;
index.json tells the request and the head that belong to it. Ids, times and
timings differ from one recording to the next, nothing else does.
"""

import http.client
import json
import sys
from pathlib import Path

import llama_server

ASK = [{"role": "user", "content": "Name the largest planet."}]
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def chat(**more) -> str:
    body = {"model": llama_server.MODEL, "messages": ASK, "temperature": 0, "seed": 1, "max_tokens": 32}
    return json.dumps(body | more)


CASES = {
    "plain.json": ("POST", "/v1/chat/completions", chat()),
    "plain-stop.json": ("POST", "/v1/chat/completions", chat(stop=["."])),
    "plain-schema.json": ("POST", "/v1/chat/completions", chat(
        messages=[{"role": "user", "content": "Ana is 31 years old."}],
        response_format={"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": PERSON}},
    )),
    "stream.sse": ("POST", "/v1/chat/completions", chat(stream=True)),
    "stream-stop.sse": ("POST", "/v1/chat/completions", chat(stream=True, stop=["."])),
    "stream-usage.sse": ("POST", "/v1/chat/completions", chat(stream=True, stream_options={"include_usage": True})),
    "models.json": ("GET", "/v1/models", None),
    "error-400.json": ("POST", "/v1/chat/completions", json.dumps({"model": llama_server.MODEL})),
    "error-400-type.json": ("POST", "/v1/chat/completions", json.dumps({"messages": "hello"})),
    "error-400-json.json": ("POST", "/v1/chat/completions", '{"messages":['),
    "error-400-context.json": ("POST", "/v1/chat/completions", chat(
        messages=[{"role": "user", "content": "word " * 2000}],
    )),
    "error-404.json": ("GET", "/v1/nothing", None),
    "error-500-image.json": ("POST", "/v1/chat/completions", chat(
        messages=[{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}],
    )),
}


def ask(address: str, method: str, path: str, body: str | None) -> tuple[dict, bytes]:
    """One exchange on a connection of its own."""
    conn = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    conn.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    answer = conn.getresponse()
    head = {"status": answer.status, "content_type": answer.getheader("Content-Type")}
    return head, answer.read()


def main(directory: Path) -> None:
    address = llama_server.serve(0)
    index = {}
    for name, (method, path, body) in CASES.items():
        head, data = ask(address, method, path, body)
        (directory / name).write_bytes(data)
        shown = body if body is None or len(body) < 1000 else body[:200] + "..."
        index[name] = {"method": method, "path": path, "body": shown} | head
    (directory / "index.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
