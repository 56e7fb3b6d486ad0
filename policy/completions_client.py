"""Asking a server that speaks OpenAI's completions: retries, time limits, and one sentence for each way to fail."""

from __future__ import annotations

import importlib
import os
import time
from typing import Any
from urllib.parse import urlsplit

from policy.config import ServerConfig
from tasks.errors import UserError
from tasks.loopback import is_loopback

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0
_CONNECT_SECONDS = 5.0
_TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


class CompletionsClient:
    """One server. Threads may share it. ``timeout_s``: the longest silence within one answer, in seconds.

    The key is read from the environment and goes into a header of the requests, nowhere else.
    """

    def __init__(self, config: ServerConfig, timeout_s: float) -> None:
        self.url = checked_url(config.base_url)
        self._config = config
        self._timeout_s = timeout_s
        key = os.environ.get(config.key_variable, "")
        host = urlsplit(self.url).hostname or ""
        if key and self.url.startswith("http://") and not is_loopback(host):
            raise UserError(
                f"engine.server.base_url={self.url} would send the key in {config.key_variable} unencrypted; use https"
            )
        httpx: Any = importlib.import_module("httpx")  # only this engine needs it
        self._httpx = httpx
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout_s, connect=min(_CONNECT_SECONDS, timeout_s)),
            limits=httpx.Limits(max_connections=config.in_flight),
            trust_env=not is_loopback(host),  # proxies are for what lies outside
        )

    def get(self, path: str) -> dict[str, Any]:
        """The JSON object at ``path``, such as ``/models``."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON object that answers ``body``."""
        return self._ask("POST", path, body)

    def refuse(self, what: str) -> UserError:
        """An error about an answer that is no answer."""
        return UserError(f"the server at {self.url} {what}; engine=openai wants OpenAI completions as vllm serve gives")

    def silent(self) -> UserError:
        """An error about a wait that took too long."""
        return UserError(
            f"the server at {self.url} was silent for engine.timeout_s={self._timeout_s:g} seconds; raise it if the "
            "server is only slow, and start the same command again to resume"
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        for attempt in range(self._config.retries + 1):
            if attempt:
                time.sleep(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1)))
            try:
                response = self._client.request(method, self.url + path, json=body)
            except (self._httpx.ReadTimeout, self._httpx.WriteTimeout) as error:
                raise self.silent() from error
            except self._httpx.TransportError as error:
                why = f"{type(error).__name__}: {error}"
                continue
            if response.status_code not in _TRY_AGAIN:
                return self._read(response)
            why = f"status {response.status_code}"
        raise UserError(
            f"the server at {self.url} cannot be reached ({why}, {self._config.retries + 1} tries); start it again, "
            "then the same command to resume"
        )

    def _read(self, response: Any) -> dict[str, Any]:
        if response.status_code in (401, 403):
            raise UserError(
                f"the server at {self.url} refuses the key (status {response.status_code}); put the right one into "
                f"the environment variable {self._config.key_variable}"
            )
        if response.status_code != 200:
            text = " ".join(response.text[:300].split())
            raise self.refuse(f"refuses a request with status {response.status_code} ({text})")
        try:
            found = response.json()
        except ValueError as error:
            raise self.refuse("answers with something that is not JSON") from error
        if not isinstance(found, dict):
            raise self.refuse("answers with JSON that is not an object")
        return found


def checked_url(url: str) -> str:
    """The base URL without a slash at its end; UserError for one that is no http(s) URL or holds a password."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"engine.server.base_url must be an http(s) URL such as http://127.0.0.1:8000/v1, got {url}")
    if parts.username or parts.password:
        raise UserError("engine.server.base_url holds a password; put the key into engine.server.key_variable instead")
    return url.rstrip("/")
