"""A completions server on loopback that answers as it is told: rightly, wrongly, late, or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = dict[str, Any] | bytes | int | None  # JSON, raw bytes, a status, or nothing: the connection is cut
MODELS = {"data": [{"id": "tiny", "max_model_len": 40}, {"id": "other"}]}


def completion(body: dict[str, Any]) -> dict[str, Any]:
    """What a server such as vLLM's says: generations that count up from the seed, cut off by length."""
    count = body["max_tokens"]
    choices = [
        {
            "token_ids": [(body["seed"] + number + place) % 50 for place in range(count)],
            "logprobs": {"token_logprobs": [-0.5 - number - place for place in range(count)]},
            "finish_reason": "length",
        }
        for number in range(body["n"])
    ]
    return {"choices": choices, "usage": {"prompt_tokens_details": {"cached_tokens": len(body["prompt"]) // 2}}}


class ScriptedServer:
    """``answer(number, body)`` is called for each completion asked for, numbered from 0."""

    def __init__(self, answer: Callable[[int, dict[str, Any]], Answer]) -> None:
        self.models: Answer = MODELS
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.most_at_once = 0
        self._answer = answer
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def stop(self) -> None:
        """Stop listening: what is sent from now on finds nobody."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.headers.append(dict(self.headers))
                self.send(owner.models)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with owner._lock:
                    number = len(owner.bodies)
                    owner.bodies.append(body)
                    owner._at_once += 1
                    owner.most_at_once = max(owner.most_at_once, owner._at_once)
                try:
                    answer = owner._answer(number, body)
                finally:  # before it is sent: who has read an answer may ask again at once
                    with owner._lock:
                        owner._at_once -= 1
                self.send(answer)

            def send(self, answer: Answer) -> None:
                if answer is None:
                    self.close_connection = True
                    return
                raw = json.dumps(answer).encode() if isinstance(answer, dict) else answer
                status, raw = (raw, b"{}") if isinstance(raw, int) else (200, raw)
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler
