"""A tiny HTTP endpoint whose every answer is scripted. Lives under tests only."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAME = "scripted"
CONTEXT = 320


@dataclass(frozen=True)
class Reply:
    """What an endpoint answers with. `missing`: bytes that it promises and does not send."""

    status: int
    body: bytes
    delay: float = 0.0
    missing: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    drip_seconds: float = 0.0


def reply(status: int, content: Any, **more: Any) -> Reply:
    return Reply(status, json.dumps(content).encode(), **more)


def refusal(status: int, message: str, **more: Any) -> Reply:
    return reply(status, {"error": {"message": message, "type": "scripted", "code": status}}, **more)


def completion(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What vLLM answers a request for one completion with: the first stop id,
    or as many tokens as were asked for.
    """
    stops = body["stop_token_ids"]
    choice = {"index": 0, "text": "", "token_ids": stops[:1] or [7] * body["max_tokens"]}
    choice |= {"finish_reason": "stop" if stops else "length"}
    usage = {"prompt_tokens": len(body["prompt"]), "prompt_tokens_details": {"cached_tokens": 0}}
    return {"model": NAME, "choices": [choice | changes], "usage": usage}


@dataclass
class ScriptedServer:
    """Lists one model and completes; `script` may answer a (path, body) itself, or leave it with None."""

    script: Callable[[str, dict[str, Any]], Reply | None] = lambda path, body: None
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    most_at_once: int = 0
    url: str = ""

    def answer(self, path: str, body: dict[str, Any]) -> Reply:
        scripted = self.script(path, body)
        if scripted is not None:
            return scripted
        if path == "/v1/models":
            return reply(200, {"object": "list", "data": [{"id": NAME, "max_model_len": CONTEXT}]})
        if path == "/v1/completions":
            return reply(200, completion(body))
        return refusal(404, "Not Found")

    @property
    def prompts(self) -> list[list[int]]:
        """Prompts of the requests after the first, which is the engine's probe."""
        return [body["prompt"] for path, body in self.requests if path == "/v1/completions"][1:]


@contextmanager
def serve(server: ScriptedServer) -> Iterator[ScriptedServer]:
    """Serve on a free port of this machine until the context ends."""
    lock, at_once = threading.Lock(), 0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({})

        def do_POST(self) -> None:
            self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def answer(self, body: dict[str, Any]) -> None:
            nonlocal at_once
            with lock:
                at_once += 1
                server.most_at_once = max(server.most_at_once, at_once)
                server.requests.append((self.path, body))
                server.keys.append(self.headers.get("Authorization", ""))
            answered = server.answer(self.path, body)
            time.sleep(answered.delay)
            with lock:
                at_once -= 1
            self.send_response(answered.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answered.body) + answered.missing))
            for name, value in answered.headers.items():
                self.send_header(name, value)
            self.end_headers()
            # Who has heard enough hangs up.
            with contextlib.suppress(ConnectionError):
                self.send(answered)

        def send(self, answered: Reply) -> None:
            if not answered.drip_seconds:
                self.wfile.write(answered.body)
                return
            for byte in answered.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(answered.drip_seconds)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            http.shutdown()
